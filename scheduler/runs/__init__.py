"""Planned runs as rows: replanned after each change, given to cameras as agendas, and watched for their begin."""
