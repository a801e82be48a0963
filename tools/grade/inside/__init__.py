"""What runs in the process of answers, where the course is not; `codec` is read on both sides."""
