"""How the weights that attngs ships are made: the bank of facts and questions, the memories made of it, the recipe."""
