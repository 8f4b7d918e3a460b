"""The page in headless Chromium: an episode of each environment, played by hand."""

import os
import re
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
    # The browser itself notes refusals and lost answers; the page shows them where they belong.
    noted = re.compile(r"Failed to load resource: (the server responded with a status of 4(01|03|04|22) |net::ERR_(FAILED|CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE))")
    assert [line for line in said if not noted.match(line)] == [], "the page is quiet"
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
    mine = start(pack, "--open")
    page.goto(mine.url)
    page.get_by_test_id("start").wait_for()
    assert not page.get_by_test_id("reload-banner").is_visible()
    rules = pack / "rules.yaml"
    rules.write_text(rules.read_text().replace("escalate", "escalat", 1))
    page.get_by_test_id("reload-banner").wait_for(timeout=15000)
    assert "did you mean `escalate`?" in page.get_by_test_id("reload-banner").inner_text()


def test_a_held_change_is_applied_and_taken_back_on_the_page(start, tmp_path, page):
    pack = tmp_path / "email-ops"
    shutil.copytree(ROOT / "scenarios/email-ops", pack)
    page.goto(start(pack, "--open", "--signed").url)
    page.get_by_test_id("start").wait_for()
    inbox = pack / "inboxes/easy.yaml"
    inbox.write_text(inbox.read_text().replace("subject: Locked out again", "subject: Shut out once more"))
    held = page.get_by_test_id("held-banner")
    held.wait_for(timeout=15000)
    assert "A change of email-ops is held; generation 1 goes on." in held.inner_text()
    held.get_by_label("Who signs it off").fill("Ada Example")
    page.get_by_test_id("apply").click()
    held.wait_for(state="detached", timeout=15000)
    history = page.get_by_test_id("history")
    history.locator("summary").click()
    assert "Generation 2, apply at" in history.inner_text() and "signed off by Ada Example" in history.inner_text()
    history.get_by_label("Who signs it off").fill("Bo Example")
    page.get_by_test_id("rollback").click()
    page.get_by_text("Generation 3, rollback to 1").wait_for(timeout=15000)


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


@pytest.fixture
def act(page, conformance):
    """Starts an episode of an environment without items."""
    page.goto(conformance.url)

    def begin(name):
        page.get_by_test_id(f"env-conformance-{name}").click()
        page.locator("[data-testid=start]:enabled").click()
        page.get_by_test_id("submit").wait_for()

    return begin


def steps(page, count):
    page.get_by_test_id("trace-row").nth(count - 1).wait_for()
    return page.get_by_test_id("trace-row").all_inner_texts()


def test_typed_actions_are_a_form(page, act):
    act("echo")
    seen = page.get_by_role("article", name="Observation")
    assert "The echo is ready." in seen.inner_text() and "Nothing is open" not in page.locator("main").inner_text()
    page.locator("[name=message]").fill("hello, world")
    page.get_by_test_id("submit").click()
    assert "hello, world" in steps(page, 1)[0] and "+1.00" in steps(page, 1)[0]
    assert "hello, world" in seen.inner_text() and "12" in seen.inner_text()
    act("slow")
    assert page.locator("[name=wait_seconds]").get_attribute("placeholder") == "0–60, 0 unless given"
    page.locator("[name=wait_seconds]").fill("61")
    page.get_by_test_id("submit").click()
    page.get_by_test_id("form-error").wait_for()
    assert "must be at most 60" in page.get_by_test_id("form-error").inner_text()


def test_tools_are_called_with_their_arguments_and_their_answers_told(page, act):
    act("tools")
    tool = page.get_by_test_id("tool")
    assert tool.locator("option").all_inner_texts() == ["add", "greet", "count", "fail", "info"]
    assert page.locator("[name=a]").get_attribute("aria-required") == "true" and page.locator("[name=b]").get_attribute("placeholder") == "2 unless given"
    page.locator("[name=a]").fill("40")
    page.get_by_test_id("submit").click()
    assert "answered: 42" in steps(page, 1)[0]
    tool.select_option("count")
    assert page.locator("[name=a]").count() == 0 and "It takes no arguments." in page.get_by_test_id("action-form").inner_text()
    page.get_by_test_id("submit").click()
    assert "answered: 1" in steps(page, 2)[1]
    tool.select_option("fail")
    page.locator("[name=why]").fill("of the weather")
    page.get_by_test_id("submit").click()
    assert "failed: the tool fail failed: of the weather" in steps(page, 3)[2].replace("`", "")
    assert "of the weather" in page.get_by_role("article", name="Observation").inner_text()
    assert '{"tool_name": "add", "arguments": {"a": 40}}' in page.get_by_test_id("snippet").inner_text()


def test_a_reset_is_given_its_arguments(page, act):
    act("triage")
    page.get_by_test_id("task").select_option("train-0")
    page.locator("[name=tone]").fill("kind")
    page.locator("[name=urgent]").select_option("true")
    page.get_by_test_id("start").click()
    page.get_by_text("tone, urgent").wait_for()
    assert 'tone="kind", urgent=True' in page.get_by_test_id("snippet").inner_text()
    page.locator("[name=label]").fill("done")
    page.get_by_test_id("submit").click()
    page.get_by_test_id("score").wait_for()
    assert page.get_by_test_id("score").inner_text() == "1.00"


def test_a_tool_beside_decisions_names_its_item(start, page):
    page.goto(start(ROOT / "docs/cookbook/tools").url)
    page.locator("[data-testid=start]:enabled").click()
    page.get_by_test_id("submit").wait_for()
    page.get_by_test_id("tool").select_option("weigh")
    page.get_by_role("button", name="Open p-2").click()
    assert page.locator("[name=parcel_id]").input_value() == "p-2"
    page.get_by_test_id("submit").click()
    assert "weigh" in steps(page, 1)[0] and page.get_by_text("p-2 weighs 4000 g.").is_visible()
    page.get_by_test_id("tool").select_option("act")
    page.locator("[name=answer]").select_option("take")
    page.get_by_test_id("submit").click()
    assert "answer take" in steps(page, 2)[1]


def test_a_step_whose_answer_is_lost_counts_once(page, act):
    act("tools")
    page.get_by_test_id("tool").select_option("count")

    def lose(route):
        route.fetch()
        route.abort()

    page.route("**/step", lose, times=1)
    page.get_by_test_id("submit").click()
    page.get_by_test_id("form-error").wait_for()
    assert "cannot be reached" in page.get_by_test_id("form-error").inner_text()
    page.get_by_test_id("submit").click()
    assert "answered: 1" in steps(page, 1)[0]
    page.get_by_test_id("submit").click()
    assert "answered: 2" in steps(page, 2)[1]


def test_a_locked_server_asks_for_a_token(start, tmp_path, page):
    tokens = tmp_path / "tokens"
    tokens.write_text("orchestrator orchestrator-0123456789\nagent agent-0123456789abcdef\n")
    mine = start("scenarios/email-ops", "--tokens", tokens)
    page.goto(mine.url)
    form, token = page.get_by_test_id("token-form"), page.get_by_test_id("token")
    form.wait_for()
    assert "asks for a token" in form.inner_text() and token.get_attribute("type") == "password"
    for wrong, why in (("nobody-0123456789abc", "Nobody has this token."), ("agent-0123456789abcdef", "the agent may not do this")):
        token.fill(wrong)
        page.get_by_test_id("token-send").click()
        page.get_by_text(why).wait_for()
    token.fill("orchestrator-0123456789")
    page.get_by_test_id("token-send").click()
    page.locator("[data-testid=start]:enabled").click()
    page.get_by_test_id("submit").wait_for()
    assert not form.is_visible()
    # A socket of the page bears it too.
    told = page.evaluate(
        """() => new Promise((done) => {
            const token = encodeURIComponent(sessionStorage.getItem("casebook-token"));
            const socket = new WebSocket(`ws://${location.host}/ws`, ["casebook", `bearer.${token}`]);
            socket.onopen = () => socket.send('{"type":"state"}');
            socket.onmessage = (event) => done([socket.protocol, JSON.parse(event.data).type]);
            socket.onclose = () => done(["closed"]);
        })"""
    )
    assert told == ["casebook", "state"]
    kept = page.evaluate("[location.href, document.cookie, Object.keys(localStorage).length, document.body.innerText]")
    assert "0123456789" not in str(kept) and kept[2] == 0
    page.get_by_test_id("forget-token").click()
    form.wait_for()
    assert page.evaluate("sessionStorage.length") == 0


def test_the_page_is_where_the_stock_web_interface_has_its_own(page, server):
    page.goto(f"{server.url}/web")
    page.get_by_test_id("env-email-ops").wait_for()
    assert page.url.startswith(f"{server.url}/web/")


def play(page, *answers):
    """Plays the easy task of email-ops from where it stands."""
    for kind in answers:
        done = page.get_by_test_id("trace-row").count()
        page.locator("[name=type]").select_option(kind)
        page.get_by_test_id("submit").click()
        page.get_by_test_id("trace-row").nth(done).wait_for()


def begin(page, seed="3"):
    page.get_by_test_id("env-email-ops").click()
    page.get_by_test_id("task").select_option("email-triage-easy")
    page.get_by_test_id("seed").fill(seed)
    page.get_by_test_id("start").click()
    page.get_by_test_id("submit").wait_for()


def test_a_page_that_is_loaded_again_goes_on_with_its_episode(page):
    begin(page)
    play(page, "respond", "archive")
    rows = page.get_by_test_id("trace-row").all_inner_texts()
    session = page.evaluate("JSON.parse(sessionStorage['casebook-episode-1:email-ops']).session")
    page.reload()
    page.get_by_text("The episode goes on: email-triage-easy, seed 3, 2 steps so far.").wait_for()
    assert page.get_by_test_id("trace-row").all_inner_texts() == rows
    # Another task that is chosen and not started changes nothing.
    page.get_by_test_id("task").select_option("email-triage-hard")
    page.reload()
    page.get_by_text("The episode goes on: email-triage-easy").wait_for()
    assert page.get_by_test_id("task").input_value() == "email-triage-easy"
    play(page, "escalate")
    score = page.get_by_test_id("score").inner_text()
    assert page.evaluate("JSON.parse(sessionStorage['casebook-episode-1:email-ops']).session") == session
    page.reload()
    page.get_by_test_id("score").wait_for()
    assert page.get_by_test_id("score").inner_text() == score and page.get_by_test_id("trace-row").count() == 3
    page.get_by_test_id("again").click()
    page.get_by_test_id("action-form").wait_for()
    page.reload()
    page.get_by_text("seed 3, 0 steps so far").wait_for()


@pytest.mark.parametrize("reloads", [True, False])
def test_an_episode_outlives_its_server(start, page, reloads):
    first = start("scenarios/email-ops")
    page.goto(first.url)
    begin(page)
    play(page, "respond", "archive")
    rows = page.get_by_test_id("trace-row").all_inner_texts()
    first.stop()
    start("scenarios/email-ops", port=first.url.rpartition(":")[2])
    if reloads:
        page.reload()
        page.get_by_text("The server had ended the episode; it was played again: email-triage-easy, seed 3, 2 steps so far.").wait_for()
        assert page.get_by_test_id("trace-row").all_inner_texts() == rows
    play(page, "escalate")
    assert float(page.get_by_test_id("score").inner_text()) > 0 and page.get_by_test_id("trace-row").count() == 3


def test_rules_that_changed_meanwhile_are_told(start, tmp_path, page):
    pack = tmp_path / "email-ops"
    shutil.copytree(ROOT / "scenarios/email-ops", pack)
    first = start(pack)
    page.goto(first.url)
    begin(page)
    play(page, "escalate", "escalate")
    first.stop()
    rubric = pack / "rubric.yaml"
    rubric.write_text(rubric.read_text().replace("default: -0.2", "default: -0.1"))
    start(pack, port=first.url.rpartition(":")[2])
    page.reload()
    page.get_by_text("it was played again on changed rules, and its rewards differ").wait_for()
    play(page, "respond")


def test_a_link_leads_to_its_task_or_says_why_not(page, server):
    page.goto("about:blank")
    page.goto(f"{server.url}/#email-triage/email-prioritize/11")
    page.locator("[data-testid=start]:enabled").wait_for()
    assert page.get_by_test_id("task").input_value() == "email-prioritize" and page.get_by_test_id("seed").input_value() == "11"
    # The same page follows another link.
    page.goto(f"{server.url}/#email-ops/email-triage-hard/5")
    page.get_by_text("seed=5").wait_for()
    assert page.get_by_test_id("task").input_value() == "email-triage-hard"
    page.goto(f"{server.url}/#email-ops/gone/7")
    error = page.get_by_test_id("start-error")
    error.wait_for()
    assert "leads to the task gone, which email-ops does not have" in error.inner_text()
    assert page.get_by_test_id("task").input_value() == "" and page.url.endswith("#email-ops/gone/7")
    page.get_by_test_id("task").select_option("email-triage-easy")
    error.wait_for(state="hidden")
    page.goto("about:blank")
    page.goto(f"{server.url}/#nowhere/easy/7")
    lost = page.get_by_test_id("lost")
    lost.wait_for()
    assert "leads to the environment nowhere, which this server does not have" in lost.inner_text()
    assert not page.get_by_test_id("start").is_visible() and page.url.endswith("#nowhere/easy/7")
    page.get_by_test_id("env-email-ops").click()
    page.locator("[data-testid=start]:enabled").wait_for()
    assert not lost.is_visible()
    page.goto("about:blank")
    page.goto(f"{server.url}/#%E0%A4%A/%/1")
    lost.wait_for()


def test_a_link_to_another_task_wins_over_the_episode_that_was_left(page, server):
    begin(page)
    play(page, "archive")
    page.goto("about:blank")
    page.goto(f"{server.url}/#email-ops/email-triage-hard/5")
    page.locator("[data-testid=start]:enabled").wait_for()
    assert page.get_by_test_id("task").input_value() == "email-triage-hard" and page.get_by_test_id("trace-row").count() == 0
    page.goto("about:blank")
    page.goto(f"{server.url}/#email-ops/email-triage-easy/3")
    page.get_by_text("The episode goes on").wait_for()


def test_many_items_are_searched(start, tmp_path, page):
    shutil.copytree(ROOT / "scenarios/email-ops", tmp_path / "email-ops")
    inbox = next((tmp_path / "email-ops/inboxes").glob("easy*"))
    item = """  - id: x-{0}
    fields: {{ subject: "Number {0} of many", body: "Please archive {0}.", priority: low, sender: "s{0}@list.example", topic: newsletter }}
"""
    inbox.write_text(inbox.read_text().rstrip() + "\n" + "".join(item.format(number) for number in range(1, 201)))
    task = next(path for path in (tmp_path / "email-ops/tasks").rglob("*.yaml") if "email-triage-easy" in path.read_text())
    task.write_text(re.sub(r"max_steps: \d+", "max_steps: 300", task.read_text()))
    page.goto(start(tmp_path / "email-ops").url)
    page.locator("[data-testid=start]:enabled").wait_for()
    begin(page)
    search, rows = page.get_by_test_id("search"), page.locator(".items tbody tr:visible")
    assert rows.count() == 203
    search.fill("x-77 number")
    assert "1 of 203" in page.locator(".search").inner_text() and rows.count() == 1
    search.fill("NUMBER 15")
    assert rows.count() == 12
    # What is typed stays while items are opened and decided.
    page.get_by_role("button", name="Open x-150").click()
    assert "Number 150 of many" in page.get_by_role("article", name="Open item").inner_text()
    assert search.input_value() == "NUMBER 15" and rows.count() == 12
    play(page, "archive")
    assert search.input_value() == "NUMBER 15" and page.get_by_test_id("trace-row").count() == 1
    search.press("Enter")
    assert page.get_by_test_id("trace-row").count() == 1


def test_the_rows_of_a_large_batch_are_searched(start, tmp_path, page):
    shutil.copytree(ROOT / "scenarios/email-triage", tmp_path / "email-triage")
    environment = tmp_path / "email-triage/environment.yaml"
    environment.write_text(environment.read_text().replace("max: 20", "max: 50"))
    inbox = tmp_path / "email-triage/inboxes/classify.yaml"
    item = """  - id: x-{0}
    fields: {{ sender: "s{0}@list.example", subject: "Number {0}", body: "Read {0}.", timestamp: "2026-11-04T08:05:00Z", nature: fraud, asks: nothing, place: {1} }}
"""
    more = "".join(item.format(number, number + 5) for number in range(1, 31))
    inbox.write_text(inbox.read_text().rstrip() + "\n" + more)
    page.goto(start(tmp_path / "email-triage").url)
    page.locator("[data-testid=start]:enabled").wait_for()
    page.get_by_test_id("task").select_option("email-classify")
    page.get_by_test_id("start").click()
    page.get_by_test_id("submit").wait_for()
    search, rows = page.locator("form [data-testid=search]"), page.locator(".batch tbody tr:visible")
    assert rows.count() == 35
    search.fill("x-7")
    assert rows.count() == 1
    row = rows.first
    for name, value in (("category", "spam"), ("action", "delete")):
        row.locator(f"[name={name}]").select_option(value)
    row.locator("[name=priority]").fill("1")
    # What is filled in is sent, and nothing else, whatever is shown.
    search.fill("x-8")
    page.get_by_test_id("submit").click()
    page.get_by_test_id("trace-row").wait_for()
    assert "1 row" in page.get_by_test_id("trace-row").inner_text() and rows.count() == 1
