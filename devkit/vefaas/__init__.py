"""`make run-vefaas`: the side of the platform, as far as the vendor's public samples and runtimes show it."""
