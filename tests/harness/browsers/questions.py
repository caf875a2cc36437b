"""The question that a page asks before an act with consequences."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def answer_question(page: Page, button: str) -> str:
    """Press a button of the open question. Returns what it asked and the consequence."""
    question = page.get_by_role("alertdialog")
    asked = f"{question.get_by_role('heading').inner_text()} {question.locator('p').inner_text()}"
    question.get_by_role("button", name=button, exact=True).click()
    expect(question).to_have_count(0)
    return asked
