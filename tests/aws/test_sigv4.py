"""The builder's signer and botocore's, on requests at random: the same canonical request, the same signature."""
import functools
import os
import random
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get('TESTS_BUILD', os.path.join(HERE, '../../build/asan'))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, '../hub/data/sigv4'))

import generate

SERVICES = ['ec2', 'ebs', 'ssm', 'sts', 'autoscaling', 's3']
quote = functools.partial(urllib.parse.quote, safe='-_.~')


CHARACTERS = 'abcXYZ019-_.~ /:%+=&?#*;,@$!()[]\'"\u00fc\u00df\u6f22\U0001f600'
VALUES = ['a  b', '  x', '"1   2"', '0', 'a:b;c,d', '']
NAMES = ['Content-Type', 'X-Amz-Target', 'x-amz-data-length', 'X-AMZ-CHECKSUM', 'Accept', 'x-a', 'X-A-B']


def draw(rng):
    """A request, in the form of generate.CASES."""
    def text(low, high):
        return ''.join(rng.choices(CHARACTERS, k=rng.randint(low, high)))
    path = ''.join('/' + rng.choice(['', '.', '..', 'a', quote(text(1, 8)), quote(text(1, 8))])
                   for _ in range(rng.randint(1, 6)))
    query = '&'.join(quote(text(1, 3)) + '=' + quote(text(0, 4)) for _ in range(rng.randint(0, 6)))
    headers = {name: ' ' * rng.randint(0, 2) + rng.choice(VALUES) for name in rng.sample(NAMES, rng.randint(0, 5))}
    host = rng.choice(['ec2.eu-west-1.amazonaws.com', 'localhost:8443', '127.0.0.1:5000', 'a.b'])
    return (rng.choice(SERVICES), rng.choice(['eu-west-1', 'us-gov-east-1']), rng.choice(['GET', 'PUT', 'POST']), host,
            path + ('?' + query if query else ''), headers, text(1, 40) if rng.random() < .5 else '',
            rng.choice([None, 'token/+==']))


class RandomRequests(unittest.TestCase):
    def test_five_hundred_as_botocore_signs_them(self):
        rng = random.Random(4)
        with tempfile.TemporaryDirectory() as folder:
            generate.write(folder, {'%03d' % i: draw(rng) for i in range(500)})
            done = subprocess.run([os.path.join(BUILD, 'tests/unit/aws/test_sigv4')], cwd=os.path.join(HERE, '../..'),
                                  env={**os.environ, 'SIGV4_SUITE': folder}, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn('500 cases', done.stdout + done.stderr)


if __name__ == '__main__':
    unittest.main()
