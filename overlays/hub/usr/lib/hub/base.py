"""What the hub's modules share: files that appear whole, child processes."""
import json, os, subprocess


class Error(ValueError):
    """One line for the user."""


def why(e):
    return '%s: %s' % (type(e).__name__, e) if isinstance(e, (LookupError, TypeError, AttributeError)) else str(e)


def read(path):
    """The object of a JSON file, an empty one where there is no file."""
    try:
        with open(path) as f:
            return json.load(f)
    except FileNotFoundError:
        return {}
    except ValueError as e:
        raise Error('%s: %s' % (path, e))


def text(path):
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return ''


def write(path, data, mode=0o644):
    """Put text in a file that appears whole and is never more open than `mode`; whether that changed it."""
    if text(path) == data and data:
        return False
    if os.path.lexists(path + '~'):
        os.unlink(path + '~')
    with open(path + '~', 'x', opener=lambda p, flags: os.open(p, flags, mode)) as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())
    os.rename(path + '~', path)
    return True


def run(*argv, data='', timeout=15):
    """(exit status, output) of a program; status None when it did not run or not end in time."""
    try:
        p = subprocess.run(argv, input=data, stdout=-1, stderr=-2, timeout=timeout, errors='replace',
                           env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C'})
        return p.returncode, p.stdout.strip()
    except (OSError, subprocess.TimeoutExpired) as e:
        return None, str(e)
