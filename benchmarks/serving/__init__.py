"""What happens to many clients of one server while the endpoint behind it fails."""
