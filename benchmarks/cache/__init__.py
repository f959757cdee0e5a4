"""What a chat of thirty turns costs with a provider that bills less for the beginning of a request that it has seen before."""
