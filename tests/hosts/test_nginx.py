# test_nginx.py: the nginx module as a client and an upstream see it, on a fake gate: who gets in,
# what the answers say, and each of nginx's ways round an access check.
import itertools
import os
import re
import shutil
import ssl
import subprocess
import unittest

import nginx_host
from nginx_host import Case, until

ROLE = "arn:aws:iam::123456789012:role/payments"
IDENTITY = """
    proxy_set_header Authorization "";
    proxy_set_header X-STS-Role $stsgate_role;
    proxy_set_header X-STS-Account $stsgate_account;
"""
SECRET = "xSECRETSECRETSECRET"  # part of every credential in Answers and Credentials


class Answers(Case):
    HTTP = """
    stsgate_conf FOLDER;
    upstream app { server unix:PREFIX/upstream.sock; }
    server {
        listen 127.0.0.1:PORT;
        stsgate payments;
        location / { proxy_pass http://app; %s }
        location /off/ { stsgate off; proxy_pass http://app; %s }
        location /off/on/ { stsgate other; proxy_pass http://app; %s }
    }
    """ % (IDENTITY, IDENTITY, IDENTITY)

    def test_allowed_session_reaches_the_upstream_with_its_identity(self):
        answer = self.get("/", "allow." + SECRET)
        self.assertEqual(answer.status, 200)
        self.assertIn("X-STS-Role: %s\r\n" % ROLE, answer.body)
        self.assertIn("X-STS-Account: 123456789012\r\n", answer.body)

    def test_credential_does_not_reach_the_upstream(self):
        self.assertNotIn("Authorization", self.get("/", "allow." + SECRET).body)

    def test_each_reason_gets_the_status_that_the_gate_gives_it(self):
        header = os.path.join(os.environ.get("SG_SRCDIR", "."), "include/stsgate/stsgate.h")
        with open(header) as file:
            reasons = re.findall(r'X\(\w+,\s*"([a-z-]+)",\s*(\d+),\s*"([^"]+)"\)',
                                 file.read().replace("\\\n", ""))
        self.assertGreater(len(reasons), 25)
        for word, status, text in reasons:
            with self.subTest(word):
                answer = self.get("/", "deny-%s.%s" % (word, SECRET))
                challenge = answer.get("WWW-Authenticate")
                if word == "ok":
                    self.assertEqual(answer.status, 503)
                elif word == "no-credential":
                    self.assertEqual(challenge, 'Bearer realm="payments"')
                elif status == "401":
                    self.assertEqual(challenge, 'Bearer error="invalid_token", '
                                     'error_description="%s"' % text)
                elif status == "403":
                    self.assertEqual(challenge, 'Bearer error="insufficient_scope", '
                                     'error_description="%s"' % text)
                else:
                    self.assertEqual(challenge, "")
                    self.assertEqual(answer.get("Retry-After"), "1")
                if word != "ok":
                    self.assertEqual(answer.status, int(status))

    def test_undecided_is_503_and_says_when_to_come_again(self):
        answer = self.get("/", "undecided-cutoffs-unavailable." + SECRET)
        self.assertEqual((answer.status, answer.get("Retry-After")), (503, "7"))
        self.assertEqual(answer.get("WWW-Authenticate"), "")

    def test_deny_without_a_reason_is_a_refusal(self):
        self.assertEqual(self.get("/", "broken." + SECRET).status, 503)

    def test_verdict_that_does_not_exist_is_a_refusal(self):
        self.assertEqual(self.get("/", "bogus." + SECRET).status, 503)

    def test_observe_mode_lets_through_and_says_so(self):
        self.assertEqual(self.get("/", "observe-session-revoked." + SECRET).status, 200)
        until(lambda: "let through by mode observe service=payments reason=session-revoked"
              in self.nginx.read("error.log"), "a log line")

    def test_texts_cannot_end_a_header_or_a_log_line(self):
        answer = self.get("/", "hostile.deny-expired." + SECRET)
        self.assertEqual(answer.get("X-Injected"), "")
        self.assertEqual(answer.get("WWW-Authenticate"), 'Bearer error="invalid_token", '
                         'error_description="a ?b???X-Injected: c?"')
        until(lambda: 'detail="a ?b??forged line?[0m"' in self.nginx.read("error.log"), "the log")
        self.assertNotIn("\nforged line", self.nginx.read("error.log"))

    def test_role_with_a_line_end_reaches_no_upstream(self):
        answer = self.get("/", "hostile.allow." + SECRET)
        self.assertEqual(answer.status, 200)
        self.assertNotIn("X-Injected", answer.body)

    def test_denial_is_logged_with_what_an_operator_needs(self):
        self.get("/", "deny-session-revoked." + SECRET)
        until(lambda: "denied service=payments reason=session-revoked role=%s session=julie "
              "issued=2023-11-14T22:13:20Z/2023-11-14T23:13:20.500Z cutoff=2023-11-14T21:13:20Z "
              'detail="fake detail"' % ROLE in self.nginx.read("error.log"), "a log line")

    def test_gate_may_tell_the_operator_something(self):
        self.get("/", "log.allow")
        until(lambda: "[warn]" in self.nginx.read("error.log")
              and "stsgate: a line for the operator" in self.nginx.read("error.log"), "a log line")

    def test_gate_sees_address_agent_referer_and_transport(self):
        self.get("/", "echo.deny-expired", headers=["User-Agent: tester", "Referer: http://a/"])
        until(lambda: "ip=127.0.0.1 ua=tester referer=http://a/ secure=0"
              in self.nginx.read("error.log"), "a log line")

    def test_off_cancels_what_is_inherited(self):
        self.assertEqual(self.get("/off/").status, 200)
        self.assertEqual(self.nginx.calls("check"), [])

    def test_inner_location_may_name_another_service(self):
        self.assertEqual(self.get("/off/on/", "allow." + SECRET).status, 200)
        self.assertEqual(len(self.nginx.calls("check other ok")), 1)

    def test_head_is_refused_without_a_body(self):
        answer = self.get("/", "deny-expired." + SECRET, method="HEAD")
        self.assertEqual((answer.status, answer.body), (401, ""))

    def test_body_of_an_allowed_post_arrives(self):
        answer = self.get("/", "allow." + SECRET, method="POST", body=b"a" * 100000)
        self.assertTrue(answer.body.endswith("a" * 100000))

    def test_connection_stays_usable_after_a_refused_post(self):
        connection = self.nginx.connect()
        for _ in range(3):
            answer = connection.send("/", "deny-expired." + SECRET, "POST", body=b"b" * 9000)
            self.assertEqual(answer.receive().status, 401)
            self.assertEqual(connection.send("/", "allow." + SECRET).receive().status, 200)
        connection.close()

    def test_refused_post_is_not_told_to_continue(self):
        connection = self.nginx.connect()
        connection.send("/", "deny-expired", "POST", ["Expect: 100-continue", "Content-Length: 5"])
        self.assertTrue(connection.socket.recv(100).startswith(b"HTTP/1.1 401 "))
        connection.close()

    def test_pipelined_requests_are_each_checked(self):
        connection = self.nginx.connect()
        for credential in "allow", "deny-expired", "allow":
            connection.send("/", credential)
        data = b""
        while data.count(b"HTTP/1.1 ") < 3:
            data += connection.socket.recv(65536)
        self.assertEqual(re.findall(rb"HTTP/1.1 (\d+)", data), [b"200", b"401", b"200"])
        connection.close()

    def test_no_log_holds_a_credential(self):
        self.get("/", "allow." + SECRET)
        self.get("/", "deny-expired." + SECRET)
        until(lambda: "/ 401" in self.nginx.read("access.log"), "the access log")
        for name in "error.log", "access.log", "output":
            self.assertNotIn("SECRET", self.nginx.read(name))


class Credentials(Case):
    HTTP = """
    stsgate_conf FOLDER;
    large_client_header_buffers 4 16k;
    server {
        listen 127.0.0.1:PORT;
        stsgate payments;
        root PREFIX/html;
        location / { stsgate_credential $cookie_token; }
        location /cookie/bearer { stsgate_credential bearer; }
        location /cookie/header { stsgate_credential $http_x_token; }
        location /bearer { stsgate_credential bearer; }
    }
    server {
        listen unix:PREFIX/stock.sock;
        large_client_header_buffers 4 8k;
        location / { stsgate payments; }
    }
    """

    @classmethod
    def prepare(cls):
        for name in "index.html", "bearer", "cookie/bearer", "cookie/header":
            cls.nginx.write("html/" + name, "in")

    def bearer(self, *headers):
        return self.get("/bearer", headers=headers)

    def test_absent_credential_gets_a_challenge_without_an_error(self):
        answer = self.bearer()
        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.get("WWW-Authenticate"), 'Bearer realm="payments"')

    def test_empty_credential_is_none(self):
        for value in "", "Bearer", "Bearer ", "bearer    ":
            with self.subTest(value):
                answer = self.bearer("Authorization: " + value)
                self.assertEqual(answer.get("WWW-Authenticate"), 'Bearer realm="payments"')

    def test_other_scheme_is_no_credential(self):
        for value in "Basic YTpi", "allow", "BearerX allow", "Bearer\tallow":
            with self.subTest(value):
                answer = self.bearer("Authorization: " + value)
                self.assertEqual(answer.status, 401)
                self.assertEqual(answer.get("WWW-Authenticate"), 'Bearer realm="payments"')

    def test_scheme_is_case_insensitive_and_may_have_blanks_after_it(self):
        for value in "Bearer allow", "bearer allow", "BEARER   allow", "Bearer allow  ":
            with self.subTest(value):
                self.assertEqual(self.bearer("Authorization: " + value).status, 200)

    def test_two_authorization_headers_are_refused(self):
        answer = self.bearer("Authorization: Bearer allow", "Authorization: Bearer allow")
        self.assertIn(answer.status, (400, 401))
        self.assertEqual(self.nginx.calls("check"), [])

    def test_merged_credentials_are_refused_before_the_gate_sees_them(self):
        for value in "allow, Bearer allow", "allow,allow", "allow allow", "allow\tallow":
            with self.subTest(value):
                answer = self.bearer("Authorization: Bearer " + value)
                self.assertEqual(answer.status, 401)
                self.assertIn('error="invalid_token"', answer.get("WWW-Authenticate"))
        self.assertEqual(self.nginx.calls("check"), [])

    def test_bytes_that_no_credential_has_are_refused(self):
        for value in "allow\x01", "allow\x7f", "all\xe9w", "\xe2\x80\x8ballow":
            with self.subTest(repr(value)):
                self.assertEqual(self.bearer("Authorization: Bearer " + value).status, 401)
        self.assertEqual(self.nginx.calls("check"), [])

    def test_credential_of_8192_bytes_passes_large_header_buffers(self):
        credential = "allow.x"
        credential += "y" * (8192 - len(credential))
        self.assertEqual(self.bearer("Authorization: Bearer " + credential).status, 200)

    def test_longer_credential_is_malformed(self):
        credential = "allow.x"
        credential += "y" * (8193 - len(credential))
        self.assertEqual(self.bearer("Authorization: Bearer " + credential).status, 401)

    def test_stock_header_buffers_refuse_a_credential_of_8192_bytes(self):
        import http.client
        import socket
        s = socket.socket(socket.AF_UNIX)
        s.connect(self.nginx.path("stock.sock"))
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer allow." + b"x" * 8186
                  + b"\r\n\r\n")
        answer = http.client.HTTPResponse(s)
        answer.begin()
        self.assertEqual(answer.status, 400)
        s.close()
        self.assertEqual(self.nginx.calls("check"), [])

    def test_variable_may_hold_the_credential(self):
        self.assertEqual(self.get("/", headers=["Cookie: token=allow"]).status, 200)
        self.assertEqual(self.get("/", headers=["Cookie: token=deny-expired"]).status, 401)

    def test_variable_replaces_the_authorization_header(self):
        answer = self.get("/", "allow")
        self.assertEqual(answer.get("WWW-Authenticate"), 'Bearer realm="payments"')

    def test_variable_may_begin_with_the_scheme(self):
        answer = self.get("/cookie/header", headers=["X-Token: Bearer allow"])
        self.assertEqual(answer.status, 200)

    def test_word_bearer_cancels_an_inherited_variable(self):
        self.assertEqual(self.get("/cookie/bearer", "allow").status, 200)
        self.assertEqual(self.get("/cookie/bearer", headers=["Cookie: token=allow"]).status, 401)


class Ways(Case):
    """nginx's ways round or through the access phase."""

    HTTP = """
    stsgate_conf FOLDER;
    upstream app { server unix:PREFIX/upstream.sock; }
    server {
        listen 127.0.0.1:PORT;
        root PREFIX/html;
        location / { }

        location /index/ { stsgate payments; }
        location /try/ { stsgate payments; try_files /nowhere @app; }
        location @app { proxy_pass http://app; %(identity)s }
        location /accel/ { internal; stsgate payments; }
        location /accelerate { stsgate payments; proxy_pass http://app; }
        location /two/ { stsgate payments; try_files /nowhere /other/page.html; }
        location /other/ { stsgate other; }
        location /if/ { stsgate payments; if ($arg_a) { set $b 1; } }
        location /set/ { stsgate payments; set $early $stsgate_role; proxy_pass http://app;
                         %(identity)s proxy_set_header X-Early "[$early]"; }

        location /errors/gated/ { stsgate payments; error_page 401 /index/page.html; }
        location /errors/open/ { stsgate payments; error_page 401 /page.html; }
        location /errors/app/ { stsgate payments; error_page 401 = @app; }
        location /errors/late/ { stsgate payments; error_page 404 = @app; }

        location /limit/on/ { limit_except GET { stsgate payments; } }
        location /limit/off/ { stsgate payments; limit_except GET { stsgate off; } }
        location /limit/inherited/ { stsgate payments; limit_except GET { allow all; } }

        location /returned { stsgate payments; return 200 in; }
        location /rewritten { stsgate payments; rewrite ^ /page.html last; }

        location /ssi/open/ { ssi on; }
        location /ssi/gated/ { ssi on; stsgate payments; }
        location /ssi/other/ { ssi on; stsgate other; }
        location /asked/gated/ { stsgate payments; auth_request /index/page.html; }
        location /asked/open/ { auth_request /index/page.html; }
        location /mirrored/ { stsgate payments; mirror /mirror; try_files /page.html =404; }
        location /mirror { internal; stsgate payments; proxy_pass http://app; %(identity)s }

        location /any/allowed/ { satisfy any; stsgate payments; allow all; }
        location /any/denied/ { satisfy any; stsgate payments; deny all; }
        location /all/denied/ { stsgate payments; deny all; }
    }
    """ % {"identity": IDENTITY}

    @classmethod
    def prepare(cls):
        for folder in ("index", "accel", "other", "if", "errors/gated", "errors/open", "limit/on",
                       "limit/off", "limit/inherited", "any/allowed", "any/denied", "all/denied",
                       "asked/gated", "asked/open", "."):
            cls.nginx.write("html/%s/index.html" % folder, "in")
            cls.nginx.write("html/%s/page.html" % folder, "in")
        for folder in "open", "gated", "other":
            cls.nginx.write("html/ssi/%s/page.html" % folder,
                            '<!--# include virtual="/index/secret.html" -->')
        cls.nginx.write("html/index/secret.html", "the secret")

    def checks(self):
        return len(self.nginx.calls("check"))

    def test_index_redirect_is_checked_once(self):
        self.assertEqual(self.get("/index/", "allow").status, 200)
        self.assertEqual(self.checks(), 1)

    def test_index_redirect_is_refused_once(self):
        answer = self.get("/index/", "deny-expired")
        self.assertEqual((answer.status, self.checks()), (401, 1))
        self.assertEqual(len(answer.all("WWW-Authenticate")), 1)

    def test_try_files_keeps_the_variables(self):
        answer = self.get("/try/x", "allow")
        self.assertIn("X-STS-Role: %s\r\n" % ROLE, answer.body)
        self.assertEqual(self.checks(), 1)

    def test_accel_redirect_is_checked_once(self):
        self.assertEqual(self.get("/accelerate", "allow").status, 200)
        self.assertEqual(self.checks(), 1)

    def test_error_page_of_an_allowed_request_keeps_the_variables(self):
        answer = self.get("/errors/late/nowhere", "allow")
        self.assertIn("X-STS-Role: %s\r\n" % ROLE, answer.body)
        self.assertEqual(self.checks(), 1)

    def test_redirect_to_another_service_asks_that_service(self):
        self.assertEqual(self.get("/two/x", "allow").status, 200)
        self.assertEqual([line.split()[-2:] for line in self.nginx.calls("check")],
                         [["payments", "ok"], ["other", "ok"]])

    def test_if_block_inherits_the_gate(self):
        self.assertEqual(self.get("/if/?a=1").status, 401)
        self.assertEqual(self.get("/if/?a=1", "allow").status, 200)

    def test_variable_read_too_early_is_empty_and_read_later_is_not(self):
        answer = self.get("/set/", "allow")
        self.assertIn("X-Early: []\r\n", answer.body)
        self.assertIn("X-STS-Role: %s\r\n" % ROLE, answer.body)

    def test_gated_error_page_of_a_refusal_is_refused_too(self):
        answer = self.get("/errors/gated/", "deny-expired")
        self.assertEqual((answer.status, self.checks()), (401, 1))
        self.assertEqual(len(answer.all("WWW-Authenticate")), 1)
        self.assertNotEqual(answer.body, "in")

    def test_open_error_page_of_a_refusal_is_shown_with_the_challenge(self):
        answer = self.get("/errors/open/", "deny-expired")
        self.assertEqual((answer.status, answer.body), (401, "in"))
        self.assertIn("invalid_token", answer.get("WWW-Authenticate"))

    def test_refused_identity_is_not_lent_to_a_fallback_upstream(self):
        answer = self.get("/errors/app/", "deny-session-revoked", headers=["X-STS-Role: forged"])
        self.assertIn("GET /errors/app/", answer.body)
        self.assertNotIn("X-STS", answer.body)

    def test_limit_except_may_gate_some_methods(self):
        self.assertEqual(self.get("/limit/on/").status, 200)
        self.assertEqual(self.get("/limit/on/", method="POST", body=b"").status, 401)
        self.assertEqual(self.get("/limit/on/", "allow", method="POST", body=b"").status, 405)

    def test_limit_except_may_open_some_methods(self):
        self.assertEqual(self.get("/limit/off/").status, 401)
        self.assertEqual(self.get("/limit/off/", method="POST", body=b"").status, 405)

    def test_limit_except_does_not_escape_the_gate(self):
        for method in "GET", "POST", "DELETE", "PATCH", "OPTIONS":
            with self.subTest(method):
                self.assertEqual(self.get("/limit/inherited/", method=method).status, 401)

    def test_return_and_rewrite_run_before_the_gate(self):
        # nginx's order of phases; the manual says so
        self.assertEqual(self.get("/returned").status, 200)
        self.assertEqual(self.get("/rewritten").status, 200)
        self.assertEqual(self.checks(), 0)

    def test_subrequest_of_an_allowed_request_is_not_checked_again(self):
        answer = self.get("/ssi/gated/page.html", "allow")
        self.assertEqual((answer.body, self.checks()), ("the secret", 1))

    def test_subrequest_of_an_open_page_does_not_enter_a_gated_location(self):
        answer = self.get("/ssi/open/page.html")
        self.assertNotIn("the secret", answer.body)
        until(lambda: "has not passed" in self.nginx.read("error.log"), "a log line")

    def test_subrequest_does_not_enter_another_service(self):
        self.assertNotIn("the secret", self.get("/ssi/other/page.html", "allow").body)

    def test_auth_request_behind_the_gate_passes(self):
        self.assertEqual(self.get("/asked/gated/", "allow").status, 200)
        self.assertEqual(self.get("/asked/gated/", "deny-expired").status, 401)

    def test_auth_request_to_a_gated_location_is_no_gate_and_stays_closed(self):
        self.assertEqual(self.get("/asked/open/", "allow").status, 403)

    def test_mirror_of_an_allowed_request_has_its_identity(self):
        self.upstream.requests.clear()
        self.assertEqual(self.get("/mirrored/", "allow").status, 200)
        until(lambda: self.upstream.requests, "the mirror")
        self.assertIn("X-STS-Role: " + ROLE, self.upstream.requests[0])

    def test_mirror_of_a_refused_request_is_not_sent(self):
        self.upstream.requests.clear()
        self.assertEqual(self.get("/mirrored/", "deny-expired").status, 401)
        self.assertEqual(self.upstream.requests, [])

    def test_satisfy_any_lets_others_overrule_the_gate(self):
        # as documented, and warned of when nginx starts
        answer = self.get("/any/allowed/", "deny-expired")
        self.assertEqual((answer.status, answer.get("WWW-Authenticate")), (200, ""))
        self.assertIn('"satisfy any" lets requests into location "/any/allowed/"',
                      self.nginx.read("error.log") + self.nginx.read("output"))

    def test_satisfy_any_still_refuses_what_nobody_allows(self):
        self.assertEqual(self.get("/any/denied/", "deny-expired").status, 401)
        self.assertEqual(self.get("/any/denied/", "allow").status, 200)

    def test_satisfy_any_does_not_let_an_undecided_request_in(self):
        self.assertEqual(self.get("/any/allowed/", "undecided-cutoffs-unavailable").status, 503)

    def test_allowed_session_still_has_to_pass_other_checks(self):
        self.assertEqual(self.get("/all/denied/", "allow").status, 403)


class Spoofing(Case):
    HTTP = """
    stsgate_conf FOLDER;
    upstream app { server unix:PREFIX/upstream.sock; }
    server {
        listen 127.0.0.1:PORT;
        location / { stsgate payments; proxy_pass http://app; %(identity)s }
        location /open/ { proxy_pass http://app; %(identity)s }
        location /observed/ { stsgate payments; proxy_pass http://app; %(identity)s }
    }
    server {
        listen unix:PREFIX/underscores.sock;
        underscores_in_headers on;
        location / { stsgate payments; proxy_pass http://app; %(identity)s }
    }
    """ % {"identity": IDENTITY}

    FORGERIES = ("X-STS-Role: forged", "x-sts-role: forged", "X-Sts-ROLE: forged",
                 "X_STS_Role: forged", "X-STS_Role: forged", "x_sts_role: forged")

    def roles(self, answer):
        return [line for line in answer.body.split("\r\n")
                if line.lower().replace("_", "-").startswith("x-sts-role")]

    def test_header_of_the_client_is_replaced(self):
        for forgery in self.FORGERIES:
            with self.subTest(forgery):
                answer = self.get("/", "allow", headers=[forgery])
                self.assertEqual(self.roles(answer), ["X-STS-Role: " + ROLE])

    def test_several_headers_of_the_client_are_replaced(self):
        answer = self.get("/", "allow", headers=self.FORGERIES)
        self.assertEqual(self.roles(answer), ["X-STS-Role: " + ROLE])

    def test_header_of_the_client_is_removed_where_nothing_was_checked(self):
        answer = self.get("/open/", "allow", headers=self.FORGERIES)
        self.assertEqual((answer.status, self.roles(answer)), (200, []))

    def test_connection_header_does_not_remove_ours(self):
        for value in "close, X-STS-Role", "X-STS-Role", "keep-alive, x-sts-role, x-sts-account":
            with self.subTest(value):
                answer = self.get("/", "allow", headers=["Connection: " + value])
                self.assertEqual(self.roles(answer), ["X-STS-Role: " + ROLE])
                self.assertIn("X-STS-Account: 123456789012", answer.body)

    def test_underscores_in_headers_lets_a_forgery_stand_beside_ours(self):
        # as documented: nginx's default, off, must stay where an upstream folds _ into -
        import http.client
        import socket
        s = socket.socket(socket.AF_UNIX)
        s.connect(self.nginx.path("underscores.sock"))
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer allow\r\n"
                  b"X_STS_Role: forged\r\n\r\n")
        answer = http.client.HTTPResponse(s)
        answer.begin()
        body = answer.read().decode()
        s.close()
        self.assertIn("X-STS-Role: " + ROLE, body)
        self.assertIn("X_STS_Role: forged", body)

    def test_observe_mode_replaces_the_client_s_header_too(self):
        answer = self.get("/observed/", "observe-expired", headers=self.FORGERIES)
        self.assertEqual(self.roles(answer), ["X-STS-Role: " + ROLE])


class Variables(Case):
    HTTP = """
    stsgate_conf FOLDER;
    server {
        listen 127.0.0.1:PORT;
        root PREFIX/html;
        location /open { }
        location /gated { stsgate payments;
            add_header X-Told "$stsgate_decision/$stsgate_reason/$stsgate_role" always; }
    }
    """

    numbers = itertools.count()

    @classmethod
    def prepare(cls):
        cls.nginx.write("html/open", "in")
        cls.nginx.write("html/gated", "in")

    def logged(self, path, credential=None):
        query = "%s?%s" % (path, next(self.numbers))
        self.get(query, credential)
        lines = until(lambda: [line for line in self.nginx.read("access.log").splitlines()
                               if line.startswith(query + " ")], "the access log")
        return lines[-1].split(" ", 2)[2]

    def test_allowed(self):
        self.assertEqual(
            self.logged("/gated", "allow"),
            "decision=allow reason=ok role=%s account=123456789012 session=julie issued="
            "2023-11-14T22:13:20Z/2023-11-14T23:13:20.500Z cutoff=2023-11-14T21:13:20Z" % ROLE)

    def test_denied_session_is_known_to_the_log(self):
        self.assertEqual(
            self.logged("/gated", "exact.deny-session-revoked"),
            "decision=deny reason=session-revoked role=%s account=123456789012 session=julie "
            "issued=2023-11-14T22:13:20Z cutoff=2023-11-14T21:13:20Z" % ROLE)

    def test_undecided(self):
        self.assertTrue(self.logged("/gated", "undecided-cutoffs-unavailable").startswith(
            "decision=undecided reason=cutoffs-unavailable role=arn:"))

    def test_observed(self):
        self.assertTrue(self.logged("/gated", "observe-expired").startswith(
            "decision=allow reason=expired role=arn:"))

    def test_nothing_is_known_where_nothing_was_checked(self):
        self.assertEqual(self.logged("/open", "allow"), "decision=- reason=- role=- account=- "
                         "session=- issued=- cutoff=-")

    def test_nothing_is_known_of_no_credential(self):
        self.assertEqual(self.logged("/gated"), "decision=deny reason=no-credential role=- "
                         "account=- session=- issued=- cutoff=-")

    def test_issue_time_without_a_lower_bound(self):
        self.assertIn(" issued=../2023-11-14T23:13:20.500Z ", self.logged("/gated", "open.allow"))

    def test_absent_cutoff(self):
        self.assertTrue(self.logged("/gated", "never.allow").endswith(" cutoff=-"))

    def test_cutoffs_out_of_range_are_shown_as_their_neighbours(self):
        self.assertTrue(self.logged("/gated", "forever.allow").endswith("cutoff="
                                                                        "9999-12-31T23:59:59.999Z"))
        self.assertTrue(self.logged("/gated", "past.allow").endswith("cutoff=1970-01-01T00:00:00Z"))

    def test_refused_client_is_not_told_the_session(self):
        answer = self.get("/gated", "deny-session-revoked")
        self.assertEqual(answer.get("X-Told"), "deny/session-revoked/")


@unittest.skipUnless(shutil.which("openssl"), "openssl makes the certificate")
class Tls(Case):
    HTTP = """
    stsgate_conf FOLDER;
    server {
        listen 127.0.0.1:PORT ssl http2;
        ssl_certificate PREFIX/cert.pem;
        ssl_certificate_key PREFIX/key.pem;
        root PREFIX/html;
        stsgate payments;
    }
    """

    @classmethod
    def prepare(cls):
        cls.nginx.write("html/index.html", "in")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-days", "2",
                        "-keyout", cls.nginx.path("key.pem"), "-out", cls.nginx.path("cert.pem")],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        cls.context = ssl.create_default_context()
        cls.context.check_hostname = False
        cls.context.verify_mode = ssl.CERT_NONE

    def test_gate_sees_that_the_transport_is_secure(self):
        connection = self.nginx.connect(self.context)
        self.assertEqual(connection.send("/", "echo.deny-expired").receive().status, 401)
        connection.close()
        until(lambda: "secure=1" in self.nginx.read("error.log"), "a log line")

    def curl(self, *arguments):
        url = "https://127.0.0.1:%d/" % self.nginx.port
        done = subprocess.run(["curl", "-sk", "--http2", "-m", "30", "-o", "/dev/null", "-w",
                               "%{http_version} %{http_code}\n", *arguments, url],
                              stdout=subprocess.PIPE, check=False)
        return done.stdout.decode().split("\n")[0]

    @unittest.skipUnless(shutil.which("curl"), "curl speaks HTTP/2")
    def test_http2_requests_are_checked(self):
        self.assertEqual(self.curl("-H", "Authorization: Bearer allow"), "2 200")
        self.assertEqual(self.curl("-H", "Authorization: Bearer deny-expired"), "2 401")
        self.assertEqual(self.curl(), "2 401")

    @unittest.skipUnless(shutil.which("curl"), "curl speaks HTTP/2")
    def test_http2_requests_may_go_to_the_thread(self):
        self.assertEqual(self.curl("-H", "Authorization: Bearer slow.allow"), "2 200")
        self.assertEqual(len(self.nginx.calls("verify")), 1)

    @unittest.skipUnless(shutil.which("curl"), "curl speaks HTTP/2")
    def test_http2_requests_may_wait(self):
        agent = nginx_host.Agent(self.nginx.path("gate/agent.sock"))
        agent.automatic = ""
        self.assertEqual(self.curl("-H", "Authorization: Bearer ask-h2.allow"), "2 200")
        agent.close()


if __name__ == "__main__":
    nginx_host.main()
