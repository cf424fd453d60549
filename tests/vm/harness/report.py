"""Progress lines, the count of what passed, and failures that name their guest and step."""
import contextlib
import resource
import sys
import time
import traceback

CONSOLE_LINES = 25


class Skip(Exception):
    """Something this machine lacks: the run ends with exit status 77."""


class Failure(Exception):
    """A check that did not hold; `guest` (or None) tells whose console helps."""

    def __init__(self, message, guest=None):
        super().__init__(message)
        self.guest = guest


class Report:
    def __init__(self, stream=sys.stdout):
        self.stream = stream
        self.passed = 0
        self.failed = []
        self.shown = {}  # by guest: what was last printed of its console
        self.began = time.monotonic()

    def line(self, text):
        print(text, file=self.stream, flush=True)

    @contextlib.contextmanager
    def step(self, name, essential=False):
        """One counted check. A failure is printed and the run goes on, unless the step is
        essential to the rest of its story."""
        began = time.monotonic()
        try:
            yield
        except Skip:
            raise
        except Exception as error:  # a bug of a test counts as its failure, too
            self.failed.append(name)
            self.line("FAIL  %s (%.1f s)" % (name, time.monotonic() - began))
            self._explain(error)
            if essential:
                raise Abandoned(name) from error
        else:
            self.passed += 1
            self.line("ok    %s (%.1f s)" % (name, time.monotonic() - began))

    def note(self, text):
        self.line("      " + text)

    def _explain(self, error):
        known = isinstance(error, Failure)
        text = str(error) if known else traceback.format_exc()
        for line in text.rstrip().splitlines():
            self.line("      " + line)
        guest = getattr(error, "guest", None)
        if guest is not None:
            self.line("      guest %s, last lines of its console:" % guest.name)
            tail = guest.console_tail(CONSOLE_LINES)
            if self.shown.get(guest.name) == tail:
                tail = ["(as above)"]
            else:
                self.shown[guest.name] = tail
            for line in tail:
                self.line("      | " + line)
            self.line("      logs: %s" % guest.log_dir)

    def summary(self):
        """Prints the closing line and returns the exit status."""
        for name in self.failed:
            self.line("failed: " + name)
        self.line("took %.0f s, and %.0f s of processor time in guests"
                  % (time.monotonic() - self.began,
                     sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])))
        self.line("%d passed, %d failed" % (self.passed, len(self.failed)))
        return 1 if self.failed or not self.passed else 0


class Abandoned(Exception):
    """An essential step failed: the rest of its story makes no sense."""
