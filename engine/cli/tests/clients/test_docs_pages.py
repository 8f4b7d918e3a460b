"""`/docs` and `/redoc` in headless Chromium, which may reach nothing but the server."""

import os
import shutil

import pytest

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = os.environ.get("CASEBOOK_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(not CHROMIUM, reason="no chromium; install it, or set CASEBOOK_CHROMIUM to its path")
@pytest.mark.parametrize("base", ["", "/envs/email-triage"])
@pytest.mark.parametrize(("page", "shown"), [("/docs", ".opblock-summary-path"), ("/redoc", "text=Start an episode")])
def test_the_description_is_shown(server, base, page, shown):
    asked, said = [], []
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        tab = browser.new_page()
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.goto(server.url + base + page)
        tab.locator(shown).first.wait_for()
        browser.close()
    assert said == []
    assert server.url + base + "/openapi.json" in asked
    outside = [url for url in asked if not url.startswith((server.url, "data:", "blob:"))]
    # One picture is asked for and refused by the page's own policy.
    assert all(url.endswith("logo-mini.svg") for url in outside), outside


@pytest.mark.skipif(not CHROMIUM, reason="no chromium; install it, or set CASEBOOK_CHROMIUM to its path")
@pytest.mark.parametrize(("page", "shown"), [("/docs", ".opblock-summary-path"), ("/redoc", "text=Start an episode")])
def test_a_locked_server_is_described_to_who_has_a_token(start, tmp_path, page, shown):
    tokens = tmp_path / "tokens"
    tokens.write_text("orchestrator orchestrator-0123456789\n")
    mine = start("scenarios/email-ops", "--tokens", tokens)
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        tab = browser.new_page()
        asked = []
        tab.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.accept("orchestrator-0123456789")))
        tab.goto(mine.url + page)
        tab.locator(shown).first.wait_for()
        document = tab.evaluate("fetch('openapi.json').then((answer) => answer.json())")
        browser.close()
    assert len(asked) == 1 and "asks for a token" in asked[0]
    assert document["security"] == [{"token": []}]
