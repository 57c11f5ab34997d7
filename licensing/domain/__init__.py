"""What may happen to a member's licenses, and how it changes them: no Django, SQL or clock."""
