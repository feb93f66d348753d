#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds what reads events by number to the events themselves: message texts, custom views, the forwarding subscription,
the query script, and the tables of docs/events.md.

usage: templates.py RENDER_EVENTS PROJECT

Event Viewer, the collector and PowerShell are not to be had here. So each template is parsed: XML that is well-formed and
of the form its reader documents; queries in the part of XPath that the event log understands, run on made-up events of
every kind; in the script, the table of names.
"""
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

SUBSCRIPTION = "{http://schemas.microsoft.com/2006/03/windows/events/subscription}"
AUDIT_SUCCESS, AUDIT_FAILURE, CLASSIC = 0x20000000000000, 0x10000000000000, 0x80000000000000
CALL = 3

problems = []


def check(good, text, *arguments):
    if not good:
        problems.append(text % arguments)


def kinds(program):
    """{event id: (number of insertion strings, event.action)}"""
    done = subprocess.run([program, "kinds"], capture_output=True, encoding="utf-8", timeout=60, check=True)
    lines = done.stdout.split("\n")[:-1]
    found = {}
    for log, text in zip(lines[::2], lines[1::2]):
        words = log.split("\t")
        found[int(words[0])] = (len(words) - 1, json.loads(text)["event"]["action"])
    return found


# ---- Message texts ----

def check_messages(text, table):
    messages = dict(re.findall(r"^MessageId=(\d+)\n(.*?)^\.$", text, re.M | re.S))
    check({int(number) for number in messages} == set(table), "messages for %s", sorted(messages))
    for number, message in messages.items():
        used = {int(insert) for insert in re.findall(r"%(\d+)", message)}
        wanted = set(range(1, table.get(int(number), (0, ""))[0] + 1))
        check(used == wanted, "message %s uses strings %s", number, sorted(used))


# ---- Queries ----

# What of XPath the templates use.
TOKEN = re.compile(r"\s*(?:(Provider\[@Name='([^']*)'\])|EventID\s*=\s*(\d+)|band\(Keywords,\s*(\d+)\)|(and|or|[()]))")


def python_of(xpath):
    """The condition of an event log query as a Python expression of provider, number and keywords."""
    whole = re.fullmatch(r"\*\[System\[(.*)\]\]", xpath)
    if not whole:
        raise ValueError("not of the form *[System[…]]: " + xpath)
    text, at, out = whole.group(1), 0, []
    while text[at:].strip():
        token = TOKEN.match(text, at)
        if not token:
            raise ValueError("cannot read '%s' in %s" % (text[at:], xpath))
        if token.group(1):
            out.append("provider == %r" % token.group(2))
        elif token.group(3):
            out.append("number == %s" % token.group(3))
        elif token.group(4):
            out.append("keywords & %s != 0" % token.group(4))
        else:
            out.append(token.group(5))
        at = token.end()
    return " ".join(out)


class Query:
    """A QueryList: selected, and not suppressed."""

    def __init__(self, element, name):
        self.select, self.suppress = [], []
        check(element is not None and element.tag == "QueryList" and len(element) == 1, "%s: no single query", name)
        for query in element:
            check(query.tag == "Query" and query.get("Path") == "RPCFW", "%s: not of the log RPCFW", name)
            for part in query:
                check(part.get("Path") == "RPCFW", "%s: not of the log RPCFW", name)
                {"Select": self.select, "Suppress": self.suppress}[part.tag].append(python_of(part.text))
        check(self.select, "%s: selects nothing", name)

    def takes(self, number, keywords, provider="RPCFW"):
        names = {"number": number, "keywords": keywords, "provider": provider}
        select, suppress = ([eval(word, {}, names) for word in words] for words in (self.select, self.suppress))
        return any(select) and not any(suppress)


def events(table):
    """(id, keywords) of one event of each kind; of calls, one let through and one blocked."""
    for number in table:
        for keywords in (AUDIT_SUCCESS, AUDIT_FAILURE) if number == CALL else (0,):
            yield number, keywords | CLASSIC


# What each template is to show, as the words of event.action.
LOOK_AFTER = {"protection-removed", "policy-refused", "events-dropped", "policy-file-refused", "gap-found", "service-stopped"}
WANTED = {
    "rpc-firewall-blocked-calls.xml": lambda number, action, blocked: blocked,
    "rpc-firewall-audited-calls.xml": lambda number, action, blocked: number == CALL,
    "rpc-firewall-health.xml": lambda number, action, blocked: action in LOOK_AFTER,
    "rpc-firewall-changes.xml": lambda number, action, blocked: number != CALL,
    "rpc-firewall.xml": lambda number, action, blocked: number != CALL or blocked,
}


def check_query(name, element, table):
    query = Query(element, name)
    for number, keywords in events(table):
        wanted = WANTED[name](number, table[number][1], number == CALL and bool(keywords & AUDIT_FAILURE))
        check(query.takes(number, keywords) == wanted, "%s: event %d (%x) taken: %s", name, number, keywords, not wanted)
        check(not query.takes(number, keywords, "other"), "%s: takes events of others", name)


def check_views(folder, table):
    names = sorted(os.listdir(folder))
    check(set(names) < set(WANTED) and len(names) == len(WANTED) - 1, "views: %s", names)
    for name in names:
        root = ElementTree.parse(os.path.join(folder, name)).getroot()
        check(root.tag == "ViewerConfig", "%s: no view", name)
        node = root.find("QueryConfig/QueryNode")
        check(node is not None and node.findtext("Name") and node.findtext("Description"), "%s: no name", name)
        check_query(name, node.find("QueryList"), table)


# In the order that the schema of wecutil asks for.
SUBSCRIPTION_PARTS = ["SubscriptionId", "SubscriptionType", "Description", "Enabled", "Uri", "ConfigurationMode", "Delivery",
                      "Query", "ReadExistingEvents", "TransportName", "ContentFormat", "Locale", "LogFile",
                      "AllowedSourceNonDomainComputers", "AllowedSourceDomainComputers"]


def check_subscription(path, table):
    root = ElementTree.parse(path).getroot()
    name = os.path.basename(path)
    check(root.tag == SUBSCRIPTION + "Subscription", "%s: no subscription", name)
    parts = [part.tag.replace(SUBSCRIPTION, "") for part in root]
    check(parts == SUBSCRIPTION_PARTS, "%s: parts %s", name, parts)
    check_query(name, ElementTree.fromstring(root.findtext(SUBSCRIPTION + "Query").strip()), table)


# ---- The script, and the documents ----

def check_script(text, table):
    body = re.search(r"^\$Fields = @\{\n(.*?)^\}", text, re.M | re.S).group(1)
    rows = re.findall(r"^\s*(\d+)\s*=\s*@\(([^)]*)\)", body, re.M)
    named = {int(number): re.findall(r"'(\w+)'", names) for number, names in rows}
    check(set(named) == set(table), "the script knows events %s", sorted(named))
    for number, names in named.items():
        check(len(names) == table[number][0] == len(set(names)), "the script names %d strings of event %d", len(names), number)
    check(named[CALL][6:8] == ["InterfaceUuid", "Opnum"] and named[CALL][14] == "Sid", "the script's names of a call")
    check("0x10000000000000" in text and AUDIT_FAILURE == 0x10000000000000, "the script's audit failure")
    plain = re.sub(r"<#.*?#>", "", text, flags=re.S)
    plain = re.sub(r"'[^']*'|(?m:#.*$)", "", plain)
    for opening, closing in ("()", "[]", "{}"):
        check(plain.count(opening) == plain.count(closing), "the script's %s do not pair", opening + closing)


def check_document(text, table):
    log = text.split("## Windows event log")[1].split("The strings of event 3")[0]
    rows = {int(row[0]): row for row in re.findall(r"^\| (\d+) \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", log, re.M)}
    check(set(rows) == set(table), "docs/events.md lists events %s", sorted(rows))
    for number, row in rows.items():
        strings = row[3].replace("image path and PID of", "image path, PID of").split(", ")
        count = 15 if row[3] == "the fifteen below" else len(strings)
        check(count == table[number][0], "docs/events.md has %d strings for event %d", count, number)
    for number, (_, action) in table.items():
        named = "rpc-call-blocked" if number == CALL else action
        check("`%s`" % named in text, "docs/events.md does not name %s", named)


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def main(program, project):
    table = kinds(program)
    shipped = os.path.join(project, "packaging", "windows")
    check(sorted(table) == list(range(1, len(table) + 1)), "event ids %s", sorted(table))
    check_messages(read(project, "src", "windows", "messages", "rpcMessages.mc"), table)
    check_views(os.path.join(shipped, "event-viewer"), table)
    check_subscription(os.path.join(shipped, "event-forwarding", "rpc-firewall.xml"), table)
    check_script(read(shipped, "Get-RpcFirewallEvent.ps1"), table)
    check_document(read(project, "docs", "events.md"), table)
    print("\n".join(problems + ["%d kinds of events, %d problems" % (len(table), len(problems))]))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
