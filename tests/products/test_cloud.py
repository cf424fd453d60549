"""User-data judged by cloud-init: its schema, and what its own modules make of it in a scratch root."""
import json
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from products import ODD_FILES, TOP, Work, members, parts, read, skip, unpacked  # noqa: E402
from scratch_root import ScratchRoot, missing  # noqa: E402

WHY = missing()
ACTIVATE = '#!/bin/sh\necho activated >>/stand-in.log\n'
SITE = '- {name: branch1, peer: 203.0.113.1, id: 10.1.0.1, subnets: 10.1.0.0/24, psk: "ssm:/hub/psk"}\n'


def schema_keys():
    """The top-level keys that cloud-init's schema knows."""
    import cloudinit
    path = os.path.join(os.path.dirname(cloudinit.__file__), 'config/schemas/schema-cloud-config-v1.json')
    with open(path) as f:
        schema = json.load(f)
    return {key for d in schema['$defs'].values() for key in d.get('properties', {})}


class Schema(unittest.TestCase):
    # Known by cloud-init itself and not in the schema of its version 22.4.
    MERGE = {'merge_how'}

    def check(self, w, data):
        import yaml
        for name, kind, text in parts(data):
            if kind != 'text/cloud-config':
                continue
            path = w.write('part.cfg', text)
            p = subprocess.run(['cloud-init', 'schema', '--config-file', path], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, timeout=60)
            self.assertEqual(p.returncode, 0, '%s: %s\n%s' % (name, p.stdout, text.decode()))
            self.assertIn('Valid', p.stdout)
            document = yaml.safe_load(text)
            self.assertLessEqual(set(document), schema_keys() | self.MERGE)
            for entry in document.get('write_files', []):
                self.assertLessEqual(set(entry), {'path', 'content', 'encoding', 'permissions'})

    def test_hub(self):
        with Work() as w:
            out = w.build(name='hub', root=TOP)
            for name in ('user-data', 'user-data.ami'):
                self.check(w, read(out, name))

    def test_odd_files_and_every_form(self):
        with Work() as w:
            for name, data in ODD_FILES.items():
                w.overlay(name, data)
            w.write('recipes/extra.cfg', '#cloud-config\ntimezone: UTC\n')
            w.recipe('overlays: [one]\nparts: [extra.cfg]\nsites:\n' + SITE)
            for url in ('', 'overlay_url: https://example.com/overlay.tar.gz\n'):
                w.recipe('overlays: [one]\nparts: [extra.cfg]\nsites:\n' + SITE + url)
                out = w.build()
                for name in ('user-data', 'user-data.ami'):
                    self.check(w, read(out, name))

    def test_keys_that_imgbuild_knows_are_the_schemas(self):
        with open(os.path.join(TOP, 'builder/bundle/cloudkeys.c')) as f:
            text = f.read()
        known = set(text[text.index('{'):].split('"')[1::2])
        self.assertLessEqual(schema_keys() - {'all'} - self.nested(), known)

    @staticmethod
    def nested():
        """Properties of the schema's definitions that are no top-level keys."""
        import cloudinit
        path = os.path.join(os.path.dirname(cloudinit.__file__), 'config/schemas/schema-cloud-config-v1.json')
        with open(path) as f:
            schema = json.load(f)
        top = {ref['$ref'].split('/')[-1] for ref in schema['allOf']}
        inside = {k for n, d in schema['$defs'].items() if n not in top for k in d.get('properties', {})}
        return inside - {k for n in top for k in schema['$defs'][n].get('properties', {})}


@unittest.skipIf(WHY, WHY)
class Apply(unittest.TestCase):
    def same_as_overlay(self, root, out, without=()):
        """Every entry of overlay.tar.gz lies in the root, byte by byte, with its mode and owner."""
        for path, (m, data) in members(read(out, 'overlay.tar.gz')).items():
            if path in without:
                continue
            found = root.file(path)
            self.assertIsNotNone(found, path)
            want = ('777' if m.issym() else '%o' % m.mode, '%s:%s' % (m.uname, m.gname),
                    m.linkname.encode() if m.issym() else data)
            self.assertEqual(found, want, path)

    def test_odd_files_links_folders_modes_owners(self):
        with Work() as w, ScratchRoot({'etc/ipsec.conf': b'vendor\n'}) as root:
            for name, data in ODD_FILES.items():
                w.overlay(name, data)
            w.overlay('etc/odd/secret', 'secret\n')
            w.overlay('etc/odd/setuid', '#!/bin/sh\n', 0o755)
            w.overlay('etc/odd/mail', 'mail\n')
            w.overlay('etc/ipsec.conf', 'ours\n')
            w.overlay('etc/odd/new.conf', 'ours\n')
            os.makedirs(w.path('overlays/one/etc/odd/folder'))
            os.symlink('/etc/odd/secret', w.path('overlays/one/etc/odd/link'))
            os.symlink("it's $HOME", w.path('overlays/one/etc/odd/odd link'))
            w.recipe('''\
overlays: [one]
modes:
  /etc/odd/secret: {mode: "0600"}
  /etc/odd/setuid: {mode: "4750", group: adm}
  /etc/odd/mail: {mode: "0640", owner: mail, group: mail}
  /etc/odd/folder: {mode: "1770", owner: mail}
  /etc/ipsec.conf: {original: keep}
  /etc/odd/new.conf: {original: keep}
services: [one.service]
''')
            out = w.build()
            root.boot(read(out, 'user-data'))
            self.same_as_overlay(root, out)
            self.assertEqual(root.file('/etc/ipsec.conf.orig')[2], b'vendor\n')
            self.assertIsNone(root.file('/etc/odd/new.conf.orig'))
            self.assertIsNone(root.file('/etc/ipsec.conf.hub'))
            asked = root.asked()
            self.assertTrue(any('apt-get' in a and 'libreswan' in a and 'iptables' in a for a in asked), asked)
            self.assertIn('systemctl enable --now one.service', asked)

            # Another first boot, as of an image made from this instance: the first original stays.
            root.boot(read(out, 'user-data'), instance='i-2')
            self.same_as_overlay(root, out)
            self.assertEqual(root.file('/etc/ipsec.conf.orig')[2], b'vendor\n')

    def test_hub_recipe(self):
        with Work() as w, ScratchRoot({'etc/ipsec.conf': b'vendor\n'}) as root:
            out = w.build(name='hub', root=TOP)
            data = read(out, 'user-data')
            self.assertLessEqual(len(data), 16384)

            def stop_short():
                # What it does to a machine is tested on a machine.
                self.assertEqual(root.file('/usr/lib/hub/activate')[2],
                                 members(read(out, 'overlay.tar.gz'))['/usr/lib/hub/activate'][1])
                root.write('/usr/lib/hub/activate', ACTIVATE, 0o755)
            root.boot(data, stop_short)
            self.same_as_overlay(root, out, without=['/usr/lib/hub/activate'])
            self.assertEqual(root.file('/etc/ipsec.conf.orig')[2], b'vendor\n')
            self.assertIn('activated', root.asked())
            # It sees to all units of the recipe by itself.
            self.assertFalse([a for a in root.asked() if 'enable' in a])

    def test_gzip_is_the_plain_text_compressed(self):
        with Work() as w, ScratchRoot() as root:
            # Lines that repeat, so that the compressed text fits.
            for i in range(10):
                w.overlay('etc/odd/%d' % i, ''.join('line %d %d\n' % (n % 50, i) for n in range(500)))
            w.recipe('overlays: [one]\n')
            out = w.build()
            data = read(out, 'user-data')
            self.assertEqual(data[:2], b'\x1f\x8b')
            self.assertTrue(unpacked(data).startswith(b'#cloud-config\n'))
            root.boot(data)
            self.same_as_overlay(root, out)

    def test_parts_of_the_recipe_replace_nothing(self):
        """A company's own document with the same lists and a script, none with a merge rule of its own."""
        with Work() as w, ScratchRoot() as root:
            w.overlay('etc/odd/ours', 'ours\n')
            w.overlay('usr/lib/hub/activate', ACTIVATE, 0o755)
            w.overlay('etc/hub/hub.conf', '[hub]\n')
            w.write('recipes/extra.cfg.in', '''\
#cloud-config
packages: [{{group}}-agent]
bootcmd: [echo theirs-boot >>/stand-in.log]
write_files:
- {path: /etc/odd/theirs, content: "theirs gr\u00fc\u00df\\n"}
runcmd:
- echo theirs-1 >>/stand-in.log
''')
            w.write('recipes/more.cfg', '#cloud-config\nruncmd:\n- [sh, -c, echo theirs-2 >>/stand-in.log]\n')
            w.write('recipes/script.sh', '#!/bin/sh\necho "script gr\u00fc\u00df" >>/stand-in.log\n')
            w.recipe('overlays: [one]\nparts: [extra.cfg.in, more.cfg, script.sh]\nsites:\n' + SITE)
            out = w.build()
            root.boot(read(out, 'user-data'))
            self.same_as_overlay(root, out)
            self.assertEqual(root.file('/etc/odd/theirs')[2], 'theirs gr\u00fc\u00df\n'.encode())
            asked = root.asked()
            for line in ('theirs-boot', 'activated', 'theirs-1', 'theirs-2', 'script gr\u00fc\u00df'):
                self.assertIn(line, asked)
            self.assertLess(asked.index('activated'), asked.index('theirs-1'))
            install = [a for a in asked if 'install' in a]
            self.assertTrue(any(all(p in a for p in ('libreswan', 'iptables', 'hub-agent')) for a in install), asked)

    def test_pasted_beside_a_users_own_document(self):
        """Our document second in a MIME message that someone made by hand: its own merge rule holds."""
        from email.mime.multipart import MIMEMultipart
        from email.mime.text import MIMEText
        with Work() as w, ScratchRoot() as root:
            w.overlay('etc/odd/ours', 'ours\n')
            w.recipe('overlays: [one]\n')
            out = w.build()
            message = MIMEMultipart()
            theirs = ('#cloud-config\nwrite_files: [{path: /etc/odd/theirs, content: theirs}]\n'
                      'runcmd: [echo theirs >>/stand-in.log]\npackages: [vim]\n')
            for text in (theirs, unpacked(read(out, 'user-data')).decode()):
                message.attach(MIMEText(text, 'cloud-config', 'us-ascii'))
            root.boot(message.as_bytes())
            self.same_as_overlay(root, out)
            self.assertEqual(root.file('/etc/odd/theirs')[2], b'theirs')
            self.assertIn('theirs', root.asked())

    def test_ami_has_settings_and_sites(self):
        with Work() as w, ScratchRoot() as root:
            w.overlay('etc/hub/hub.conf.in', '[hub]\nid = {{hub_id}}\n')
            w.overlay('etc/odd/image', 'in the image\n')
            w.recipe('overlays: [one]\nsites:\n' + SITE)
            out = w.build()
            root.boot(read(out, 'user-data.ami'))
            files = members(read(out, 'overlay.tar.gz'))
            for path in ('/etc/hub/hub.conf', '/etc/hub/sites.json', '/etc/hub/crypto.json'):
                self.assertEqual(root.file(path)[2], files[path][1])
            self.assertIsNone(root.file('/etc/odd/image'))
            self.assertEqual(root.asked(), [])

    def test_keys_are_private_from_the_first_byte(self):
        with Work() as w, ScratchRoot() as root:
            w.overlay('etc/odd/private', 'p\n')
            w.recipe('overlays: [one]\nmodes:\n  /etc/odd/private: {mode: "0600"}\nsites:\n' +
                     SITE.replace('ssm:/hub/psk', 'env:PRODUCTS_TEST_KEY'))
            out = w.build('--inline-secrets', env={'PRODUCTS_TEST_KEY': 'Marked0123456789'})
            data = read(out, 'user-data')
            # Writing stops before the mode is set: what then lies there is what others could have read.
            root.sh("sed -i 's/^    chmod(filename, mode)$/    pass/' /usr/lib/python3/dist-packages/cloudinit/util.py")
            root.boot(data)
            for path in ('/etc/hub/keys.json', '/etc/odd/private'):
                self.assertEqual(root.file(path)[:2], ('600', 'root:root'), path)
            self.assertEqual(json.loads(root.file('/etc/hub/keys.json')[2]),
                             {'env:PRODUCTS_TEST_KEY': 'Marked0123456789'})


if __name__ == '__main__':
    try:
        import cloudinit  # noqa: F401
        import yaml  # noqa: F401
    except ImportError as e:
        skip(str(e))
    unittest.main()
