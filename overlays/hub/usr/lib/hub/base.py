import json, os, subprocess


class Error(ValueError):
	pass


def why(e):
	return str(e) if isinstance(e, (Error, OSError)) else '%s: %s' % (type(e).__name__, e)


def text(path):
	try:
		with open(path) as f:
			return f.read()
	except FileNotFoundError:
		return ''


def read(path):
	try:
		return json.loads(text(path) or '{}')
	except ValueError as e:
		raise Error(path + ': ' + why(e))


def write(path, data, mode=0o644):
	"""Put text in a file, whole and never more open than `mode`: whether it changed."""
	if text(path) == data:
		return False
	new = path + '~'
	if os.path.lexists(new):
		os.unlink(new)
	with open(new, 'x', opener=lambda p, flags: os.open(p, flags, mode)) as f:
		f.write(data)
		f.flush()
		os.fsync(f.fileno())
	os.rename(new, path)
	return True


def run(*argv, data='', timeout=15):
	"""(exit status, output); status None if it did not run or end in time."""
	try:
		p = subprocess.run(argv, input=data, stdout=-1, stderr=-2, timeout=timeout, errors='replace',
			env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'LC_ALL': 'C'})
		return p.returncode, p.stdout.strip()
	except (OSError, subprocess.TimeoutExpired) as e:
		return None, str(e)
