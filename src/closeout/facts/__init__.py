"""What is true of an account: relations, and engines that answer questions over them."""
