package submit

import (
	"slices"
	"strings"
	"testing"

	"dnseal/cmd/internal/cli"
)

// TestSendmailArgs: what the manuals of sendmail list, by each form in which it can be written.
func TestSendmailArgs(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		// Postfix, in the order of its manual
		"-Am|-Ac|r@x": "r@x", "-B|8BITMIME|r@x": "r@x", "-B8BITMIME|r@x": "r@x", "-B|7BIT|r@x": "r@x", "-bm|r@x": "r@x", "-b|m|r@x": "r@x",
		"-C|/etc/x|r@x": "r@x", "-F|A B|r@x": "--full-name=A B|r@x", "-FA|r@x": "--full-name=A|r@x", "-f|a@x|r@x": "--sender=a@x|r@x", "-fa@x|r@x": "--sender=a@x|r@x",
		"-f||r@x": "--sender=|r@x", "-f<>|r@x": "--sender=<>|r@x", "-G|r@x": "r@x", "-h|3|r@x": "r@x", "-h3|r@x": "r@x", "-i|r@x": "r@x", "-L|tag|r@x": "r@x", "-Ltag|r@x": "r@x",
		"-m|-n|r@x": "r@x", "-N|failure,delay|r@x": "r@x", "-Nnever|r@x": "r@x", "-N|never|r@x": "r@x", "-O|Timeout.queuereturn=5d|r@x": "r@x", "-OErrorMode=m|r@x": "r@x", "-o7|-o8|-oi|-om|r@x": "r@x",
		"-oAhash:/etc/aliases|r@x": "r@x", "-o|i|r@x": "r@x", "-r|a@x|r@x": "--sender=a@x|r@x", "-R|hdrs|r@x": "r@x", "-Rfull|r@x": "r@x",
		"-q": "--flush", "-q15m": "--flush", "-qRexample.org": "--flush", "-t": "--from-header", "-U|r@x": "r@x", "-V|id7|r@x": "r@x", "-v|-v|r@x": "r@x", "-X|/tmp/log|r@x": "r@x",
		// Sendmail and Exim
		"-odq|r@x": "--sendmail-queue|r@x", "-odd|r@x": "--sendmail-queue|r@x", "-O|DeliveryMode=queue|r@x": "--sendmail-queue|r@x", "-ODeliveryMode=d|r@x": "--sendmail-queue|r@x",
		"-odi|-odb|-odf|-O|DeliveryMode=b|r@x": "r@x", "-oem|-oee|-em|-eq|r@x": "r@x", "-d|r@x": "r@x", "-d0.1|r@x": "r@x", "-D|/tmp/x|r@x": "r@x", "-pSMTP:host|r@x": "r@x", "-x|-s|-c|r@x": "r@x",
		"-N|r@x": "r@x", "-oMr|r@x": "r@x", "-qff": "--flush",
		// bundled
		"-ti": "--from-header", "-it": "--from-header", "-tif|a@x": "--from-header|--sender=a@x", "-tifa@x": "--from-header|--sender=a@x", "-tih3": "--from-header", "-ith|25": "--from-header", "-vtoi": "--from-header", "-iB|8BITMIME|-t": "--from-header",
		// the end of the options, and what is none
		"-i|--|-odd@x|-h": "--|-odd@x|-h", "--": "--", "-": "-", "": "", "r@x|-i": "r@x", "--spool|/tmp/x|-i": "--spool|/tmp/x", "--help": "--help", "-Z|r@x": "-Z|r@x", "-iZx": "-Zx",
	} {
		got, err := SendmailArgs(strings.Split(in, "|"), true)
		if err != nil || strings.Join(got, "|") != want {
			t.Errorf("%s: %q, %v; want %s", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"-bs": "-bs of sendmail is not here", "-b|p": "-bp of sendmail is not here", "-bd|-q15m": "-bd of", "-bv|r@x": "-bv of", "-bi": "-bi of", "-bt": "-bt of", "-b": "-b of", "-I": "-I of",
		"-Mrm|1abc": "-Mrm of", "-Q": "-Q of", "-XV|r@x": "-XV of", "-XV+=|r@x": "-XV of", "-h": `-h of sendmail wants a number of hops, not ""`, "-h|r@x": `not "r@x"`, "-ibs": "-bs of",
	} {
		if got, err := SendmailArgs(strings.Split(in, "|"), true); err == nil || !strings.Contains(cli.Plain(err), want) {
			t.Errorf("%s: %q, %v; want %s", in, got, err, want)
		}
	}
	// the command asks for its help so
	if got, err := SendmailArgs([]string{"-h"}, false); err != nil || !slices.Equal(got, []string{"-h"}) {
		t.Error(got, err)
	}
}

// FuzzSendmailArgs: what stands behind -- is left as it is, and nothing becomes a recipient that
// was none before.
func FuzzSendmailArgs(f *testing.F) {
	f.Add("-oi|-fa@x|--|-r@x", true)
	f.Add("-tih|3|-N|x@y", true)
	f.Add("-h|-B|8BITMIME|-XV", false)
	f.Fuzz(func(t *testing.T, in string, hops bool) {
		args := strings.Split(in, "|")
		out, err := SendmailArgs(args, hops)
		if err != nil {
			return
		}
		for _, word := range out {
			if !strings.HasPrefix(word, "-") && !slices.Contains(args, word) {
				t.Fatalf("%q: %q", in, out)
			}
		}
		if i := slices.Index(args, "--"); i >= 0 && slices.Contains(out, "--") && !slices.Equal(out[slices.Index(out, "--"):], args[i:]) {
			t.Fatalf("%q: %q", in, out)
		}
	})
}
