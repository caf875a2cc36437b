"""The telescope's nights: field files, the rules that choose a field, and the plan of a night. Django-free."""
