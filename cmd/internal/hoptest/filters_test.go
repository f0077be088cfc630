package hoptest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// filters are programs that read one message and write it.
func filters() []hop {
	return []hop{
		{name: "reformime -r", want: "PPPPPP", why: "adds a line end after a nested multipart without one", pass: filter("reformime", "-r")},
		{name: "reformime -r7", want: "PPPPPP", why: "as -r, to 7 bits", pass: filter("reformime", "-r7")},
		{name: "altermime disclaimer", want: "PPPPPP", why: "leaves signed mail alone", pass: altermime},
		{name: "SpamAssassin, report_safe 0", want: "PPPPPP", why: "adds fields", pass: spamassassin("0", "")},
		{name: "SpamAssassin, report_safe 1", want: "iiiiii", why: "attaches the message to a report", pass: spamassassin("1", "")},
		{name: "SpamAssassin, report_safe 1, then -d", want: "PPPPPP", pass: spamassassin("1", "undo")},
		{name: "MIME::tools", want: "---PPP", why: "base64 in lines of 60 columns, quoted-printable with other characters escaped", encodes: true, pass: mimeTools},
		{name: "bogofilter -p", want: "PPPPPP", pass: bogofilter},
	}
}

// filter runs a program once for each message, a Unix file on its standard input.
func filter(program string, args ...string) func(*testing.T, place, []string) []string {
	return func(t *testing.T, p place, messages []string) (out []string) {
		t.Helper()
		path := peertest.Program(t, program)
		for n, m := range messages {
			out = append(out, p.message(t, n, run(t, p.dir, lf(m), path, args...)))
		}
		return out
	}
}

// altermime changes a file.
func altermime(t *testing.T, p place, messages []string) (out []string) {
	t.Helper()
	program := peertest.Program(t, "altermime")
	footer := p.file(t, "footer", "This mail may be confidential.\n")
	for _, file := range p.messages(t, messages) {
		run(t, p.dir, "", program, "--input="+file, "--disclaimer="+footer, "--altersigned", "--force-for-bad-html")
		out = append(out, file)
	}
	return out
}

// bogofilter needs to have learnt something.
func bogofilter(t *testing.T, p place, messages []string) []string {
	t.Helper()
	run(t, p.dir, "Subject: bargain\n\nBuy now\n", peertest.Program(t, "bogofilter"), "-s", "-d", ".")
	return filter("bogofilter", "-p", "-e", "-d", ".")(t, p, messages)
}

// spamassassin takes every message for spam, without rules of its own, network or memory. The
// script does what the command spamassassin does, which loads everything anew for each message.
func spamassassin(safe, undo string) func(*testing.T, place, []string) []string {
	return func(t *testing.T, p place, messages []string) []string {
		t.Helper()
		library := filepath.Join(filepath.Dir(peertest.Program(t, "spamassassin")), "../share/perl5")
		perl := needPerl(t, "-I"+library, "-MMail::SpamAssassin")
		p.folder(t, "site")
		p.file(t, "site/v.pre", "loadplugin Mail::SpamAssassin::Plugin::Check\n")
		p.folder(t, "rules")
		p.file(t, "rules/10.cf", "util_rb_tld org\nheader ANY Message-ID =~ /./\nscore ANY 10\nrequired_score 5\nuse_bayes 0\ndns_available no\nreport_safe "+safe+"\nreport Spam.\n")
		files := p.messages(t, messages)
		run(t, p.dir, "", perl, append([]string{"-I" + library, "-MMail::SpamAssassin", "-e", checkSpam, undo}, files...)...)
		return files
	}
}

const checkSpam = `my $sa = Mail::SpamAssassin->new({rules_filename => 'rules', site_rules_filename => 'site',
	userprefs_filename => '/dev/null', local_tests_only => 1, dont_copy_prefs => 1});
my $undo = shift;
for my $file (@ARGV) {
	open my $in, '<', $file or die; my @lines = <$in>; close $in;
	my $text = $sa->check($sa->parse(\@lines))->rewrite_mail;
	$text = $sa->remove_spamassassin_markup($sa->parse($text)) if $undo eq 'undo';
	open my $out, '>', $file or die; print $out $text; close $out or die;
}`

// needPerl skips the test where Perl or one of its modules, which options name, is missing.
func needPerl(t *testing.T, options ...string) string {
	t.Helper()
	const perl = "/usr/bin/perl" // the one whose modules Debian packages bring
	if out, err := exec.CommandContext(t.Context(), perl, append(options, "-e", "1")...).CombinedOutput(); err != nil {
		t.Logf("%s", out)
		peertest.Missing(t, strings.Join(append([]string{perl}, options...), " "))
	}
	return perl
}

// mimeTools is what MIMEDefang does to a message that it rebuilds.
func mimeTools(t *testing.T, p place, messages []string) []string {
	t.Helper()
	perl := needPerl(t, "-MMIME::Parser")
	const script = `my $p = MIME::Parser->new; $p->output_to_core(1);
		for (@ARGV) { my $m = $p->parse_open($_); open my $out, '>', $_ or die; $m->print($out); close $out or die }`
	files := p.messages(t, messages)
	run(t, p.dir, "", perl, append([]string{"-MMIME::Parser", "-e", script}, files...)...)
	return files
}
