"""Results made readable: tables now; pictures and HTML have their place here."""
