"""How the server is: whether it answers, and its figures for people, alert rules and Prometheus."""
