"""What may happen to a member's licenses, and how it changes them: pure, no Django, SQL or clock."""
