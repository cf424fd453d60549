"""Readiness: each thing that must hold, missing by itself."""
import unittest

from hubtest import Scratch, site

from ready import problems


class Ready(unittest.TestCase):
    def setUp(self):
        self.s = Scratch(self)
        self.s.build(site(1), site(2))
        self.s.render()

    def problems(self):
        return problems(self.s.hub())

    def test_all_holds(self):
        self.assertEqual(self.problems(), [])

    def test_daemon(self):
        for state in 'down', 'hung':
            self.s.run.state = state
            self.assertEqual(self.problems(), ['the IPsec daemon does not answer', 'no site is loaded'])

    def test_forwarding(self):
        self.s.put('proc/sys/net/ipv4/ip_forward', '0\n')
        self.assertEqual(self.problems(), ['ip_forward is not 1'])

    def test_nat(self):
        for rules in ('', '-A POSTROUTING -d 172.17.0.0/16 -j MASQUERADE\n', '-A OUTPUT -d 172.16.0.0/16 -j MASQUERADE\n',
                      '-A POSTROUTING -d 172.16.0.0/16 -j ACCEPT\n-A POSTROUTING -d 10.0.0.0/8 -j MASQUERADE\n'):
            self.s.run.nat = rules
            self.assertEqual(self.problems(), ['no rule masquerades towards 172.16.0.0/16'])
        self.s.run.nat = '-A POSTROUTING -d 172.16.0.0/16 -m mark --mark 0x1 -j MASQUERADE --random-fully\n'
        self.assertEqual(self.problems(), [])

    def test_sites(self):
        self.s.run.has.pop('site-branch1')  # one is enough
        self.assertEqual(self.problems(), [])
        self.s.run.has.clear()
        self.assertEqual(self.problems(), ['no site is loaded'])

    def test_no_site_rendered(self):
        self.assertEqual(problems(Scratch(self).hub()), ['no site is loaded'])

    def test_costs_little_with_many_sites(self):
        self.s.build(*(site(n) for n in range(1, 100)))
        self.s.render()
        self.s.run.calls.clear()
        self.problems()
        self.assertEqual(len(self.s.run.calls), 3)
        self.s.run.has.clear()
        self.s.run.calls.clear()
        self.problems()
        self.assertLess(len(self.s.run.calls), 25)


if __name__ == '__main__':
    unittest.main()
