"""Texts as people write and read them: names, sentences, amounts, suggestions. Django-free."""
