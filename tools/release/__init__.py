"""A class's copy of the course: chosen chapters without their solutions, as a zip file."""
