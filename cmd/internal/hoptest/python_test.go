package hoptest

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// pythons are forms in which programs use Python's email package.
func pythons() []hop {
	return []hop{
		{name: "Python, compat32", want: "PPPPPP", why: "adds a line end after a nested multipart without one, and quotes From", pass: python("compat32", "")},
		{name: "Python, default", want: "PPPPPP", why: "as compat32, and folds the outer header anew", pass: python("default", "")},
		{name: "Python, SMTP", want: "PPPPPP", why: "as default, with CRLF", pass: python("SMTP", "")},
		{name: "Mailman 3, subject tag", want: "PPPPPP", why: "Subject: [Test]", pass: python("compat32", mailmanTag)},
		{name: "Mailman 3, footer", want: "iiiiii", why: "puts the message into a multipart/mixed with a footer", pass: python("compat32", mailmanTag+mailmanFooter)},
		{name: "Mailman 3, Reply-To of the list", want: "rrrrrr", why: "a field that readers show is added", pass: python("compat32", "m['Reply-To'] = 'Test <test@lists.example>'\n")},
	}
}

// What Mailman 3.3 does to m, which is not multipart/mixed (its handlers subject_prefix and
// decorate).
const (
	mailmanTag    = "s = m['Subject']\ndel m['Subject']\nm['Subject'] = '[Test] ' + s\n"
	mailmanFooter = `
inner = email.message.Message()
for name, value in m.items():
    if name.lower().startswith('content-'):
        inner[name] = value
        del m[name]
inner.set_payload(m.get_payload())
inner.preamble, inner.epilogue = m.preamble, m.epilogue
footer = email.mime.text.MIMEText('_____\nTest mailing list\n', 'plain', 'us-ascii')
footer['Content-Disposition'] = 'inline'
m['Content-Type'] = 'multipart/mixed'
m.preamble, m.epilogue = None, ''
m.set_payload([inner, footer])
`
)

// python3 is Debian's: another in PATH may lack modules, or not be everyone's to run.
func python3(t *testing.T) string {
	t.Helper()
	const program = "/usr/bin/python3"
	if _, err := os.Stat(program); err != nil {
		peertest.Missing(t, program)
	}
	return program
}

// python parses a message, changes m, and writes it again.
func python(policy, change string) func(*testing.T, place, []string) []string {
	return func(t *testing.T, p place, messages []string) []string {
		t.Helper()
		script := p.file(t, "script.py", fmt.Sprintf(rewrite, strings.ReplaceAll("pass\n"+change, "\n", "\n    "), policy))
		files := p.messages(t, messages)
		run(t, p.dir, "", python3(t), append([]string{script}, files...)...)
		return files
	}
}

const rewrite = `import email, email.message, email.mime.text, email.policy, sys
def change(m):
    %s
for path in sys.argv[1:]:
    with open(path, 'rb') as f:
        m = email.message_from_bytes(f.read(), policy=email.policy.%s)
    change(m)
    with open(path, 'wb') as f:
        f.write(m.as_bytes())
`
