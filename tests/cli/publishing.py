"""What test-publish and test-gc share: a company with a recipe, and the program under test against an AWS of this process."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, 'tests', 'aws'))

from fake import KEY, SECRET, Fake, Server  # noqa: E402
from fakeaws.control import setup  # noqa: E402

HOME = 'eu-west-1'
DAY = 86400
PROGRAM = os.path.join(TOP, os.environ.get('TESTS_BUILD', 'build/asan'), 'imgbuild')


def fail(text):
    sys.exit('FAIL: ' + text)


def check(good, text):
    if not good:
        fail(str(text))


def equal(found, wanted, what=''):
    check(found == wanted, '%s: %r, not %r' % (what, found, wanted))


class Company:
    """A folder with recipes; the fake, and imgbuild that asks it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp()
        os.makedirs(self.folder + '/recipes')
        os.makedirs(self.folder + '/overlays')
        self.fake = Fake()
        self.server = Server(self.fake).start()
        self.out = self.err = ''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()
        shutil.rmtree(self.folder)

    def recipe(self, name, text):
        with open('%s/recipes/%s.yaml' % (self.folder, name), 'w') as f:
            f.write(text)

    def seed(self, given=None, **regions):
        """Things in regions (`eu_west_1={...}`), as POST /_fake/setup takes them; the ids it made."""
        given = {**(given or {}), 'regions': {k.replace('_', '-'): v for k, v in regions.items()}}
        with self.fake.world.lock:
            return setup(self.fake, None, given)

    def settings(self, **settings):
        self.seed({'settings': settings})

    def region(self, name):
        return self.fake.world.region(name)

    def faults(self, *rules):
        self.fake.faults.clear()
        self.fake.faults.add(list(rules))

    def environment(self, **more):
        env = {k: v for k, v in os.environ.items() if not k.startswith('AWS_')}
        env.update(AWS_ENDPOINT_URL=self.server.url, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET, AWS_REGION=HOME,
                   AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED='true')
        env.update(more)
        return env

    def run(self, *words, status=0, **environment):
        """imgbuild with these words; what it printed."""
        p = subprocess.run([PROGRAM, '-C', self.folder, *words], env=self.environment(**environment), capture_output=True,
                           text=True, timeout=300)
        self.out, self.err = p.stdout, p.stderr
        check(p.returncode == status, '%s: status %d, not %d:\n%s%s' % (' '.join(words), p.returncode, status, p.stdout, p.stderr))
        return p.stdout

    def events(self, *words, status=0):
        return [json.loads(line) for line in self.run(*words, '--json', status=status).splitlines()]

    def counts(self, operation):
        """How often the fake was asked that: "ec2.CopyImage"."""
        return self.fake.world.counts.get(operation, 0)

    def said(self, *texts):
        for text in texts:
            check(text in self.out + self.err, 'it does not say %r:\n%s%s' % (text, self.out, self.err))
