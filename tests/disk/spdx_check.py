#!/usr/bin/python3
"""Is a JSON document valid SPDX 2.3? Written from the specification (spdx.github.io/spdx-spec/v2.3,
clauses 6 to 11 and its JSON form); stricter where it leaves a choice: unknown keys are errors, and
every element is reached by relationships from the document.

spdx_check.py FILE            prints what is wrong; exit status 1 when something is
spdx_check.py --self-test FILE   breaks a valid document in many ways: each must be found
"""
import copy
import datetime
import hashlib
import json
import re
import sys

ID = re.compile(r"^SPDXRef-[A-Za-z0-9.-]+$")
PURL = re.compile(r"^pkg:deb/[a-z][a-z0-9.-]*/(?:[a-z0-9.-]|%[0-9A-F]{2})+@"
                  r"(?:[A-Za-z0-9.:~_-]|%[0-9A-F]{2})+\?arch=[a-z0-9-]+(&distro=[a-z0-9.-]+)?$")
DIGITS = {"SHA1": 40, "SHA256": 64}
RELATIONSHIPS = {"DESCRIBES", "CONTAINS"}
PURPOSES = {"APPLICATION", "FRAMEWORK", "LIBRARY", "CONTAINER", "OPERATING_SYSTEM", "DEVICE",
            "FIRMWARE", "SOURCE", "ARCHIVE", "FILE", "INSTALL", "OTHER"}
DOCUMENT = {"spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo",
            "packages", "files", "relationships"}
PACKAGE = {"SPDXID", "name", "versionInfo", "supplier", "downloadLocation", "filesAnalyzed",
           "packageVerificationCode", "sourceInfo", "licenseConcluded", "licenseDeclared",
           "copyrightText", "externalRefs", "primaryPackagePurpose", "comment"}
FILE = {"SPDXID", "fileName", "checksums", "licenseConcluded", "licenseInfoInFiles",
        "copyrightText"}


class Checker:
    def __init__(self, document):
        self.document = document
        self.problems = []
        self.ids = {}

    def wrong(self, where, what):
        self.problems.append("%s: %s" % (where, what))

    def need(self, where, condition, what):
        if not condition:
            self.wrong(where, what)
        return condition

    def keys(self, where, value, allowed, needed):
        if not self.need(where, isinstance(value, dict), "not an object"):
            return False
        for key in value:
            self.need(where, key in allowed, "unknown key %s" % key)
        for key in needed:
            self.need(where, key in value, "no %s" % key)
        for key, entry in value.items():
            if isinstance(entry, str):
                self.need(where, entry != "", "%s is empty" % key)
        return True

    def identify(self, where, value):
        name = value.get("SPDXID")
        if not self.need(where, isinstance(name, str) and ID.match(name), "bad SPDXID %r" % name):
            return
        self.need(where, name not in self.ids, "SPDXID %s is there twice" % name)
        self.ids[name] = value

    def run(self):
        d = self.document
        if not self.keys("document", d, DOCUMENT, DOCUMENT):
            return self.problems
        self.need("document", d.get("spdxVersion") == "SPDX-2.3", "spdxVersion is not SPDX-2.3")
        self.need("document", d.get("dataLicense") == "CC0-1.0", "dataLicense is not CC0-1.0")
        self.need("document", d.get("SPDXID") == "SPDXRef-DOCUMENT", "SPDXID is another")
        namespace = d.get("documentNamespace")
        self.need("document", isinstance(namespace, str)
                  and re.match(r"^[a-z][a-z0-9+.-]*:[^\s#\"<>{}|\\^`]+$", namespace),
                  "documentNamespace is no URI without a fragment")
        self.identify("document", d)
        self.creation(d.get("creationInfo"))
        for kind, check in (("packages", self.package), ("files", self.file)):
            entries = d.get(kind)
            if self.need("document", isinstance(entries, list), "%s is no list" % kind):
                for i, entry in enumerate(entries):
                    check("%s[%d]" % (kind, i), entry)
        self.relationships(d.get("relationships"))
        return self.problems

    def creation(self, value):
        if not self.keys("creationInfo", value, {"created", "creators"}, {"created", "creators"}):
            return
        try:
            datetime.datetime.strptime(value.get("created"), "%Y-%m-%dT%H:%M:%SZ")
        except (TypeError, ValueError):
            self.wrong("creationInfo", "created is no time of the form YYYY-MM-DDThh:mm:ssZ")
        creators = value.get("creators")
        self.need("creationInfo", isinstance(creators, list) and creators, "no creators")
        for creator in creators if isinstance(creators, list) else []:
            self.need("creationInfo", isinstance(creator, str) and
                      re.match(r"^(Tool: \S.*-\S+|(Person|Organization): \S.*)$", creator),
                      "bad creator %r" % creator)

    def licences(self, where, value):
        for key in ("licenseConcluded", "licenseDeclared", "copyrightText"):
            if key in value:
                self.need(where, value[key] == "NOASSERTION", "%s claims something" % key)

    def package(self, where, p):
        if not self.keys(where, p, PACKAGE, {"SPDXID", "name", "downloadLocation"}):
            return
        self.identify(where, p)
        self.licences(where, p)
        supplier = p.get("supplier", "NOASSERTION")
        self.need(where, supplier == "NOASSERTION" or
                  re.match(r"^(Person|Organization): \S", str(supplier)), "bad supplier")
        location = str(p.get("downloadLocation"))
        self.need(where, location in ("NOASSERTION", "NONE") or re.match(r"^[a-z+]+://", location),
                  "bad downloadLocation")
        self.need(where, p.get("primaryPackagePurpose", "OTHER") in PURPOSES, "unknown purpose")
        analysed = p.get("filesAnalyzed", True)
        self.need(where, isinstance(analysed, bool), "filesAnalyzed is no boolean")
        self.need(where, analysed is ("packageVerificationCode" in p),
                  "a packageVerificationCode goes with filesAnalyzed, and only with it")
        for i, ref in enumerate(p.get("externalRefs", [])):
            self.reference("%s.externalRefs[%d]" % (where, i), ref, p)

    def reference(self, where, ref, package):
        fields = {"referenceCategory", "referenceType", "referenceLocator"}
        if not self.keys(where, ref, fields, fields):
            return
        self.need(where, ref.get("referenceCategory") == "PACKAGE-MANAGER", "unknown category")
        self.need(where, ref.get("referenceType") == "purl", "unknown type")
        locator = str(ref.get("referenceLocator"))
        if self.need(where, PURL.match(locator), "bad purl %s" % locator):
            unescape = lambda text: re.sub("%(..)", lambda m: chr(int(m[1], 16)), text)
            name, version = locator.split("?")[0].split("/")[2].split("@")
            self.need(where, unescape(name) == package.get("name")
                      and unescape(version) == package.get("versionInfo"),
                      "the purl is another package's")

    def file(self, where, f):
        if not self.keys(where, f, FILE, FILE):
            return
        self.identify(where, f)
        self.licences(where, f)
        self.need(where, str(f.get("fileName")).startswith("./"), "fileName is not relative")
        algorithms = set()
        for sum_ in f.get("checksums", []):
            if self.keys(where, sum_, {"algorithm", "checksumValue"},
                         {"algorithm", "checksumValue"}):
                name = sum_.get("algorithm")
                algorithms.add(name)
                self.need(where, re.match("^[0-9a-f]{%d}$" % DIGITS.get(name, 0),
                                          str(sum_.get("checksumValue"))), "bad %s" % name)
        self.need(where, "SHA1" in algorithms, "no SHA1, which is mandatory")
        self.need(where, f.get("licenseInfoInFiles") == ["NOASSERTION"], "bad licenseInfoInFiles")

    def relationships(self, entries):
        if not self.need("document", isinstance(entries, list), "relationships is no list"):
            return
        fields = {"spdxElementId", "relationshipType", "relatedSpdxElement"}
        children, seen = {}, set()
        for i, r in enumerate(entries):
            where = "relationships[%d]" % i
            if not self.keys(where, r, fields, fields):
                continue
            from_, kind, to = (r.get(key) for key in
                               ("spdxElementId", "relationshipType", "relatedSpdxElement"))
            self.need(where, kind in RELATIONSHIPS, "unknown type %s" % kind)
            for end in (from_, to):
                self.need(where, end in self.ids, "%s is not in the document" % end)
            self.need(where, (from_, kind, to) not in seen, "is there twice")
            seen.add((from_, kind, to))
            self.need(where, (kind == "DESCRIBES") == (from_ == "SPDXRef-DOCUMENT"),
                      "%s from %s" % (kind, from_))
            children.setdefault(from_, []).append(to)
            owner, target = self.ids.get(from_, {}), self.ids.get(to, {})
            self.need(where, "fileName" not in target or owner.get("filesAnalyzed", True),
                      "files of a package whose files were not analyzed")
        self.reach(children)
        self.codes(children)

    def reach(self, children):
        reached, todo = set(), ["SPDXRef-DOCUMENT"]
        while todo:
            name = todo.pop()
            if name not in reached:
                reached.add(name)
                todo += children.get(name, [])
        for name in self.ids:
            self.need(name, name in reached, "not related to the document")

    def codes(self, children):
        for name, value in self.ids.items():
            code = value.get("packageVerificationCode")
            if code is None:
                continue
            sums = sorted(s["checksumValue"] for child in children.get(name, [])
                          for s in self.ids.get(child, {}).get("checksums", [])
                          if s.get("algorithm") == "SHA1")
            want = hashlib.sha1("".join(sums).encode()).hexdigest()
            self.need(name, code == {"packageVerificationCodeValue": want},
                      "packageVerificationCode is not that of its files")


def check(document):
    return Checker(document).run()


def mutations(document):
    """Functions that each break a document with packages and files in one way."""
    def sets(path, value):
        def change(d):
            for key in path[:-1]:
                d = d[key]
            d[path[-1]] = value
        return change

    def drops(path):
        def change(d):
            for key in path[:-1]:
                d = d[key]
            del d[path[-1]]
        return change

    last = len(document["packages"]) - 1
    yield from (drops([key]) for key in sorted(DOCUMENT))
    yield from (drops(["packages", last, key]) for key in
                ("SPDXID", "name", "downloadLocation", "filesAnalyzed", "versionInfo"))
    yield from (drops(["files", 0, key]) for key in sorted(FILE))
    yield drops(["files", 0, "checksums", 0])
    yield drops(["relationships", 0])
    yield drops(["relationships", -1])
    yield drops(["packages", 1, "packageVerificationCode"])
    yield sets(["spdxVersion"], "SPDX-2.2")
    yield sets(["documentNamespace"], "no uri")
    yield sets(["documentNamespace"], "https://x/#fragment")
    yield sets(["creationInfo", "created"], "2023-11-14T22:13:20+00:00")
    yield sets(["creationInfo", "creators"], [])
    yield sets(["creationInfo", "creators"], ["imgbuild"])
    yield sets(["packages", last, "SPDXID"], "SPDXRef-a+b")
    yield sets(["packages", last, "SPDXID"], document["packages"][0]["SPDXID"])
    yield sets(["packages", last, "supplier"], "Debian")
    yield sets(["packages", last, "filesAnalyzed"], True)
    yield sets(["packages", last, "surprise"], 1)
    yield sets(["packages", last, "externalRefs", 0, "referenceLocator"], "pkg:deb/debian/a@b c")
    yield sets(["packages", last, "externalRefs", 0, "referenceType"], "url")
    yield sets(["files", 0, "fileName"], "/etc/x")
    yield sets(["files", 0, "checksums", 0, "checksumValue"], "0" * 40)
    yield sets(["files", 0, "checksums", 1, "checksumValue"], "0" * 40)
    yield sets(["relationships", -1, "relatedSpdxElement"], "SPDXRef-nobody")
    yield sets(["relationships", -1, "spdxElementId"], "SPDXRef-Image")
    yield sets(["relationships", 1, "relationshipType"], "OWNS")


def main(argv):
    with open(argv[-1], encoding="utf-8") as file:
        document = json.load(file)
    problems = check(document)
    for problem in problems:
        print(problem)
    if problems:
        return 1
    if argv[1] == "--self-test":
        for i, change in enumerate(mutations(document)):
            broken = copy.deepcopy(document)
            change(broken)
            if not check(broken):
                print("mutation %d was not found" % i)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
