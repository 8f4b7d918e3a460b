"""The page in headless Chromium: an episode of each environment, played by hand."""

import os
import shutil

import pytest
from conftest import ROOT

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = os.environ.get("CASEBOOK_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def page(server):
    if not CHROMIUM:
        if os.environ.get("CASEBOOK_REQUIRE_CHROMIUM"):
            pytest.fail("no chromium; install it, or set CASEBOOK_CHROMIUM to its path")
        pytest.skip("no chromium; install it, or set CASEBOOK_CHROMIUM to its path")
    said, asked = [], []
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        page = browser.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(server.url)
        yield page
        browser.close()
    # The browser itself notes an answer of 422; the page shows it at the form.
    assert [line for line in said if "status of 422" not in line] == [], "the page is quiet"
    assert all(url.startswith(("http://127.0.0.1:", "data:")) for url in asked), "nothing comes from elsewhere"


def test_a_person_plays_an_episode(page):
    page.get_by_test_id("env-email-triage").wait_for()
    page.get_by_test_id("env-email-ops").click()
    page.get_by_test_id("task").select_option("email-triage-easy")
    page.get_by_test_id("seed").fill("3")
    page.get_by_test_id("start").click()
    for number, (kind, text) in enumerate([("respond", "We have started the reset of your password today."), ("archive", ""), ("escalate", "")], 1):
        page.locator("[name=type]").select_option(kind)
        page.locator("[name=content]").fill(text)
        page.get_by_test_id("submit").click()
        page.get_by_test_id("trace-row").nth(number - 1).wait_for()
    rows = page.get_by_test_id("trace-row").all_inner_texts()
    assert "decision quality" in rows[0] and "R-SUPPORT" in rows[0] and "answers questions about accounts" in rows[0]
    assert "+0.60" in rows[1] and "✓" in rows[1]
    assert "✗" in rows[2] and "action escalate expected respond" in rows[2] and "safety penalty\n−0.20" in rows[2]
    assert float(page.get_by_test_id("score").inner_text()) > 0
    assert not page.get_by_test_id("action-form").is_visible()
    page.get_by_text("Another seed").click()
    page.get_by_test_id("action-form").wait_for()
    assert page.get_by_test_id("seed").input_value() != "3" and page.get_by_test_id("trace-row").count() == 0


def test_a_batch_is_a_table_and_errors_keep_what_was_typed(page):
    page.get_by_test_id("env-email-triage").click()
    page.get_by_test_id("task").select_option("email-classify")
    page.get_by_test_id("start").click()
    page.get_by_test_id("submit").wait_for()
    for name, value in (("category", "work"), ("action", "read")):
        for choice in page.locator(f"[name={name}]").all():
            choice.select_option(value)
    for number, rank in enumerate(page.locator("[name=priority]").all(), 1):
        rank.fill(str(max(number, 2)))
    page.get_by_test_id("submit").click()
    error = page.get_by_test_id("form-error")
    error.wait_for()
    assert "the rank 2 is taken" in error.inner_text()
    assert page.locator("[name=priority]").first.input_value() == "2" and page.get_by_test_id("trace-row").count() == 0
    page.locator("[name=priority]").first.fill("1")
    page.get_by_test_id("submit").click()
    page.get_by_test_id("score").wait_for()
    assert 0 < float(page.get_by_test_id("score").inner_text()) < 1
    assert "classification" in page.get_by_test_id("trace-row").inner_text()


def test_a_rejected_save_is_a_banner(start, tmp_path, page):
    pack = tmp_path / "email-ops"
    shutil.copytree(ROOT / "scenarios/email-ops", pack)
    mine = start(pack)
    page.goto(mine.url)
    page.get_by_test_id("start").wait_for()
    assert not page.get_by_test_id("reload-banner").is_visible()
    rules = pack / "rules.yaml"
    rules.write_text(rules.read_text().replace("escalate", "escalat", 1))
    page.get_by_test_id("reload-banner").wait_for(timeout=15000)
    assert "did you mean `escalate`?" in page.get_by_test_id("reload-banner").inner_text()


def test_text_of_a_pack_is_never_markup(start, tmp_path, page):
    pack = tmp_path / "email-ops"
    shutil.copytree(ROOT / "scenarios/email-ops", pack)
    inbox = pack / "inboxes/easy.yaml"
    inbox.write_text(inbox.read_text().replace("subject: Locked out again", "subject: '<img src=x onerror=\"window.broken = 1\">'"))
    page.goto(start(pack).url)
    page.get_by_test_id("start").click()
    page.get_by_test_id("submit").wait_for()
    assert "<img src=x onerror=" in page.locator("main").inner_text()
    assert page.evaluate("window.broken") is None and page.locator("img").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(380, "light"), (380, "dark"), (1400, "light")])
def test_it_fits_its_window_and_every_field_has_a_name(page, width, scheme):
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for environment in ("email-ops", "email-triage"):
        page.get_by_test_id(f"env-{environment}").click()
        page.get_by_test_id("start").click()
        page.get_by_test_id("submit").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing but a table scrolls sideways"
        unnamed = page.evaluate(
            "[...document.querySelectorAll('input, select, textarea, button')]"
            ".filter((one) => one.offsetParent && !one.labels?.length && !one.ariaLabel && !one.textContent.trim())"
            ".map((one) => one.outerHTML)"
        )
        assert unnamed == []


def test_the_keyboard_is_enough(page):
    page.get_by_test_id("env-email-ops").focus()
    page.keyboard.press("Enter")
    # The button takes no focus until the tasks are there.
    page.locator("[data-testid=start]:enabled").focus()
    page.keyboard.press("Enter")
    page.locator("[name=type]").wait_for()
    page.locator("[name=type]").focus()
    page.keyboard.press("a")  # a select jumps to `archive`
    page.get_by_test_id("submit").focus()
    page.keyboard.press("Enter")
    page.get_by_test_id("trace-row").wait_for()
