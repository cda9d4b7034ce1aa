# test_nginx_budget.py: forged credentials whose signatures are slow to check, from clients that do
# not stop. They are refused unlooked at; everybody else is served.
import re
import time
import unittest

from nginx_host import UNDER, Case, main, until

TURNED = (r"\[warn\].* stsgate: slow signatures turned away in the last 10 s: "
          r"(\d+) over their client's budget, (\d+) over that of all, (\d+) for a full queue")


@unittest.skipIf(UNDER, "valgrind is too slow to use a budget up within its window")
class Budget(Case):
    HTTP = """
    stsgate_conf FOLDER;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;
    server {
        listen 127.0.0.1:PORT backlog=1024;
        root PREFIX/html;
        location / { stsgate payments; }
    }
    """

    @classmethod
    def prepare(cls):
        cls.nginx.write("html/index.html", "in")

    def status(self, credential, address):
        answer = self.get("/", credential, headers=["X-Real-IP: " + address])
        if answer.status == 503:
            self.assertIn(int(answer.get("Retry-After")), range(1, 11))
        return answer.status

    def exhaust(self, address):
        """Forges until it is over budget; a window may end on the way."""
        seen = []

        def over():
            seen.append(self.status("slow.forged", address))
            return seen[-1] == 503
        until(over, "the end of the budget")
        self.assertEqual(set(seen[:-1]), {401})
        self.assertGreaterEqual(len(seen), 21)

    def once_over(self, address, check):
        """check() while the budget of `address` is used up; again when a window ended meanwhile."""
        for _ in range(5):
            self.exhaust(address)
            before = len(self.nginx.calls("verify"))
            check()
            if self.status("slow.forged", address) == 503:
                self.assertEqual(len(self.nginx.calls("verify")) - before, self.looked_at)
                return
        self.fail("the window ended each time")

    looked_at = 0

    def test_forger_is_refused_unlooked_at(self):
        self.once_over("192.0.2.1", lambda: None)

    def test_forger_s_good_credential_waits_but_is_not_let_in_unchecked(self):
        self.once_over("192.0.2.2", lambda: self.assertIn(
            self.status("slow.allow", "192.0.2.2"), (503, 200)))

    def test_what_is_fast_or_remembered_is_not_touched(self):
        def check():
            self.assertEqual(self.status("allow", "192.0.2.3"), 200)
            self.assertEqual(self.status("deny-expired", "192.0.2.3"), 401)
        self.once_over("192.0.2.3", check)

    def test_other_addresses_are_not_touched(self):
        self.looked_at = 2
        def check():
            self.assertEqual(self.status("slow.allow", "192.0.2.5"), 200)
            self.assertEqual(self.status("slow.allow", "2001:db8::5"), 200)
        self.once_over("192.0.2.4", check)

    def test_ipv6_is_counted_by_its_64(self):
        self.looked_at = 1
        def check():
            self.assertEqual(self.status("slow.forged", "2001:db8:0:1:ffff::2"), 503)
            self.assertEqual(self.status("slow.allow", "2001:db8:0:2::1"), 200)
        self.once_over("2001:db8:0:1::1", check)

    def test_mapped_address_is_the_ipv4_one(self):
        self.once_over("192.0.2.7", lambda: self.assertEqual(
            self.status("slow.forged", "::ffff:192.0.2.7"), 503))

    def test_budget_comes_back(self):
        self.exhaust("192.0.2.6")
        until(lambda: self.status("slow.allow", "192.0.2.6") == 200, "the next window")

    def test_it_is_told_once_a_window(self):
        self.exhaust("192.0.2.8")
        self.assertIn("slow signatures of this client failed", self.nginx.read("error.log"))

    def turned(self):
        """What the log counted so far: by their client's budget, that of all, a full queue."""
        found = re.findall(TURNED, self.nginx.read("error.log"))
        return [sum(int(line[i]) for line in found) for i in range(3)]

    def refusals(self, detail):
        return len(re.findall(r"reason=over-budget .*detail=\"slow signatures of %s failed\"" % detail,
                              self.nginx.read("error.log")))

    def test_each_that_was_turned_away_is_counted_once(self):
        self.exhaust("192.0.2.9")
        for _ in range(5):
            self.status("slow.allow", "192.0.2.9")
        end = time.monotonic() + 60
        while self.turned()[:2] != [self.refusals("this client"), self.refusals("all clients")]:
            self.assertLess(time.monotonic(), end, "%s, %d" % (self.turned(),
                                                               self.refusals("this client")))
            time.sleep(0.1)
        self.assertGreaterEqual(self.turned()[0], 1)
        self.assertEqual(self.turned()[2], 0)
        until(lambda: self.nginx.read("access.log").count(" 503 decision=undecided "
              "reason=over-budget ") == self.refusals("this client") + self.refusals("all clients"),
              "$stsgate_reason to say the same")

    def test_many_addresses_together_have_a_budget_too(self):
        before = self.refusals("all clients")
        for number in range(2000):      # a window may end on the way
            address = "2001:db8:1:%x::1" % (number // 10)
            if self.status("slow.forged", address) == 503:
                break
        self.assertEqual(self.refusals("all clients"), before + 1)
        self.assertEqual(self.status("allow", "192.0.2.10"), 200)
        self.assertIn("400 slow signatures failed", self.nginx.read("error.log"))
        until(lambda: self.status("slow.allow", "192.0.2.11") == 200, "the next window")


if __name__ == "__main__":
    main()
