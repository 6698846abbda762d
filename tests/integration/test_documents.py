#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The documents in a browser: /docs in windows of several widths, light and dark, and by keyboard
alone; /docs and /redoc of the services' own ports, which are foreign programs: that they work under
their policy, and ask nobody else.

Leaves with 77 (skipped) where Chromium is not installed; ./check does not install it.
"""
import sys

import browser
from payd import Payd
from scenarios import equal, run, true

WIDTHS = (360, 390, 1280)
THEMES = ("light", "dark")
OPERATION = "details.operation"

# What is opened makes what else can be opened.
OPEN_ALL = """(async () => {
    for (let shut; (shut = document.querySelectorAll("details:not([open])")).length > 0;) {
        shut.forEach((one) => { one.open = true; });
        await new Promise((done) => setTimeout(done));
    }
    return document.querySelectorAll("details").length;
})()"""

WIDER_THAN_THE_WINDOW = """document.documentElement.scrollWidth >
    document.documentElement.clientWidth"""

# WCAG 2.2, 1.4.3 and 1.4.11: the colours of all text that is shown, and of the edges of controls.
TOO_PALE = """(() => {
    const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const linear = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    const known = new Map([[null, 1]]);
    const behind = (at) => {
        if (!known.has(at)) {
            const colour = numbers(getComputedStyle(at).backgroundColor);
            const opaque = colour.length < 4 || colour[3] > 0;
            known.set(at, opaque ? light(colour) : behind(at.parentElement));
        }
        return known.get(at);
    };
    const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const found = new Set();
    const compare = (what, colour, ground, least) => {
        const is = contrast(light(numbers(colour)), behind(ground));
        if (is < least) found.add(`${what}: ${is.toFixed(2)} instead of ${least}`);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const at = texts.currentNode.parentElement;
        if (texts.currentNode.textContent.trim() && at.getClientRects().length > 0)
            compare(`${at.tagName}.${at.className}`, getComputedStyle(at).color, at, 4.5);
    }
    for (const one of document.querySelectorAll("input"))
        compare("placeholder", getComputedStyle(one, "::placeholder").color, one, 4.5);
    for (const one of document.querySelectorAll("button, input"))
        compare(`edge of ${one.id}`, getComputedStyle(one).borderTopColor, one.parentElement, 3);
    return [...found];
})()"""

# Where the keyboard is: null = nowhere, else what it is and whether it can be seen there.
FOCUSED = """(() => {
    const at = document.activeElement, box = at.getBoundingClientRect();
    if (at === document.body) return null;
    const x = Math.min(Math.max(box.left + box.width / 2, 0), innerWidth - 1);
    const y = box.top + Math.min(box.height / 2, 8);
    const top = document.elementFromPoint(x, y);
    return {is: at.id || at.textContent, outlined: getComputedStyle(at).outlineStyle !== "none",
            seen: top !== null && at.contains(top)};
})()"""


def opened(payd, page, width, theme="light"):
    page.open(f"http://127.0.0.1:{payd.port}/docs", width, theme, OPERATION)


def tab_through(page):
    """The places the tab key stops at, each once."""
    places = []
    while True:
        page.press("Tab", 9)
        place = page.value(FOCUSED)
        if place is None or (places and place["is"] == places[0]["is"]):
            return places
        places.append(place)


def test_it_fits_and_can_be_read(payd, page):
    for width in WIDTHS:
        for theme in THEMES:
            opened(payd, page, width, theme)
            for _ in range(2):  # as it comes, and with all that can be unfolded
                equal(page.value(WIDER_THAN_THE_WINDOW), False, f"{width} px to be wide enough")
                equal(page.value(TOO_PALE), [], f"what is too pale, {theme}")
                true(page.value(OPEN_ALL) > 100, "operations with their fields")


def test_every_stop_of_the_keyboard_is_seen(payd, page):
    for width in WIDTHS:
        opened(payd, page, width)
        places = tab_through(page)
        true(len(places) >= page.value(f"document.querySelectorAll('{OPERATION}').length"),
             f"a stop for each operation, not {len(places)}")
        equal([p for p in places if not (p["seen"] and p["outlined"])], [], "stops without a sign")


def test_the_index_by_keyboard(payd, page):
    opened(payd, page, 360)
    page.press("Tab", 9)
    page.press("Enter", 13)
    equal(page.value("document.activeElement.id"), "filter", "where the keyboard is in the index")
    page.press("Escape", 27)
    equal(page.value("document.activeElement.id"), "menu", "where it is after the index is shut")
    page.press("Enter", 13)
    page.value("document.querySelector('main summary').focus()")
    equal(page.value("getComputedStyle(document.getElementById('index')).display"), "none",
          "an index that is left")


def test_the_theme_by_keyboard(payd, page):
    opened(payd, page, 1280, "dark")
    page.value("document.getElementById('theme').focus()")
    for expected in ("light", "dark"):
        page.press("Enter", 13)
        equal(page.value("document.documentElement.dataset.theme"), expected, "the theme")


def test_each_heading_has_an_address(payd, page):
    """Also what is shown only when its operation is opened, and a link leads there."""
    opened(payd, page, 1280)
    page.value(OPEN_ALL)
    bare = "[...document.querySelectorAll('main h2, main h3, main details.operation')]" \
        ".filter((one) => !one.id || !one.querySelector(`a[href='#${one.id}']`)).length"
    equal(page.value(bare), 0, "headings without an address")
    twice = "document.querySelectorAll('[id]').length -" \
        " new Set([...document.querySelectorAll('[id]')].map((one) => one.id)).size"
    equal(page.value(twice), 0, "addresses of two places")
    lost = "[...document.querySelectorAll(\"a[href^='#']\")].map((one) => one.hash.slice(1))" \
        ".filter((id) => !document.getElementById(decodeURIComponent(id)))"
    equal(page.value(lost), [], "links to nowhere")


def test_an_address_opens_what_it_names(payd, page):
    for width in WIDTHS:
        opened(payd, page, width)
        place = "op-payment_create-refusals"
        page.value(f"void (location.hash = '#{place}')")
        page.wait_for(f"document.getElementById('{place}')")
        equal(page.value("document.activeElement.id"), place, "where the keyboard goes on")
        top = page.value(f"document.getElementById('{place}').getBoundingClientRect().top")
        true(0 <= top < 800, f"the place to be in the window, at {top}")
        equal(page.value(WIDER_THAN_THE_WINDOW), False, f"{width} px to be wide enough")


# --- at a service's own port --------------------------------------------------------------------


def click(page, selector):
    page.wait_for(f"document.querySelector('{selector}')")
    page.value(f"document.querySelector('{selector}').click()")


def opened_at(payd, page, service, path, shown):
    page.asked.clear()
    origin = f"http://127.0.0.1:{payd.at(service).port}"
    page.open(origin + path, 1280, "light", shown)
    return origin


def asked_elsewhere(page, origin):
    return [url for url in page.asked if not url.startswith((f"{origin}/", "data:"))]


def test_an_operation_is_tried_with_a_token_of_the_same_port(payd, page):
    origin = opened_at(payd, page, "wallet", "/docs", ".opblock")
    click(page, ".auth-wrapper .authorize")
    click(page, ".auth-container .scopes a")  # select all
    click(page, ".auth-container .auth-btn-wrapper .authorize")
    page.wait_for("document.querySelector('.auth-container .auth-btn-wrapper button')"
                  ".textContent === 'Logout'")
    click(page, ".auth-btn-wrapper .btn-done")
    click(page, "#operations-wallets-wallet_list .opblock-summary-control")
    click(page, "#operations-wallets-wallet_list .try-out__btn")
    click(page, "#operations-wallets-wallet_list .execute")
    page.wait_for("document.querySelector('.live-responses-table .response-col_status')")
    equal(page.value("document.querySelector('.live-responses-table tbody .response-col_status')"
                     ".textContent.slice(0, 3)"), "200", "the status of what was tried")
    true(f"{origin}/oauth2/token" in page.asked, "a token of the same port")
    equal(asked_elsewhere(page, origin), [], "what was asked elsewhere")


def test_each_service_shows_its_own_operations(payd, page):
    for service, count in (("payment", 13), ("forex", 7)):
        origin = opened_at(payd, page, service, "/docs", ".opblock")
        equal(page.value("document.querySelectorAll('.opblock').length"), count,
              f"operations of {service}")
        equal(asked_elsewhere(page, origin), [], "what was asked elsewhere")


def test_the_reference_has_its_styles(payd, page):
    for service in ("payment", "profile"):
        origin = opened_at(payd, page, service, "/redoc", "#redoc h1")
        equal(page.value("getComputedStyle(document.body).margin"), "0px", "the page's own style")
        true(page.value("[...document.querySelectorAll('style[nonce]')].length") > 1, "styles")
        equal(asked_elsewhere(page, origin), [], "what was asked elsewhere")


def main():
    if browser.program() is None:
        print("skipped: chromium is not installed")
        return 77
    with Payd(service_ports="0") as payd, browser.Browser() as page:
        failed = run(globals(), lambda name: (payd, page), payd)
        if page.complaints:
            print("FAILED  the console is not empty:", *page.complaints, sep="\n")
        return 1 if page.complaints else failed


if __name__ == "__main__":
    sys.exit(main())
