"""What a chat costs with a provider that bills less for what it has seen before."""
