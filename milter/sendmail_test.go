//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/smime/message"
)

// sendmailConf is the least a Sendmail needs that hands all mail on to one host. The gaps of rules
// are tabs.
const sendmailConf = `V10/Berkeley
Cwhop.example
Djhop.example
DnMAILER-DAEMON
O AliasFile=/dev/null
O DaemonPortOptions=Name=MTA, Addr=%[5]s, Port=%[2]s
O QueueDirectory=%[1]s/queue
O PidFile=%[1]s/pid
O StatusFile=%[1]s/statistics
O HelpFile=/dev/null
O DeliveryMode=background
O TempFileMode=0600
O OperatorChars=.:%%@!^/[]+
O UnixFromLine=From $g $d
O DontProbeInterfaces=True
O DontBlameSendmail=GroupWritableDirPathSafe
O RunAsUser=root
O QueueLA=1000
O RefuseLA=1000
O Timeout.ident=0
O EightBitMode=pass8
O InputMailFilters=dnseal
O Milter.macros.connect=j, _, {daemon_name}, {if_name}, {if_addr}
O Milter.macros.envfrom=i, {auth_type}, {auth_authen}
Xdnseal, S=%[4]s, F=T, T=C:2m;S:2m;R:2m;E:5m
Troot
HReceived: from $s ($_) by $j; $b
H?D?Date: $a
H?M?Message-Id: <$t.$i@$j>
Pfirst-class=0
S3
R$*<>$*	$@ <@>
R$*<$+>$*	$: $2
R$+@$+	$@ $1<@$2>
S4
R$*<@>	$@
R$*<$*>$*	$@ $1$2$3
S0
R$*<@$*>$*	$#smtp $@ [%[6]s] $: $1<@$2>$3
R$*	$#error $@ 5.1.3 $: "553 no domain"
S5
S1
S2
Mlocal, P=/bin/false, F=lsDFMAw5:/|@q, A=false
Mprog, P=/bin/false, F=lsDFMoqeu9, A=false
Msmtp, P=[IPC], F=mDFMuX8k, E=\r\n, L=2000, T=DNS/RFC822/SMTP, A=TCP $h %[3]s
`

// sendmailProgram finds an unpacked Sendmail, which cannot be installed beside Postfix.
func sendmailProgram(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(peertest.Module(tb), ".cache/peers/sendmail-bin/usr/libexec/sendmail/sendmail")
	if _, err := os.Stat(path); err != nil {
		peertest.Missing(tb, "sendmail")
	}
	peertest.NeedRoot(tb, "only root can start Sendmail")
	return path
}

// startSendmail runs a Sendmail that hands everything on to next, with one milter, and returns
// where it listens. It has a host name of its own, because it waits a minute where that has no dot.
func startSendmail(tb testing.TB, next string, milter Address) string {
	tb.Helper()
	program := sendmailProgram(tb)
	dir, addr := peertest.ShortDir(tb), peertest.FreeAddr(tb)
	if err := os.Mkdir(dir+"/queue", 0o700); err != nil {
		tb.Fatal(err)
	}
	ownHost, own, _ := net.SplitHostPort(addr)
	host, port, _ := net.SplitHostPort(next)
	peertest.WriteFile(tb, dir+"/cf", fmt.Sprintf(sendmailConf, dir, own, port, milter.Sendmail(), ownHost, host))
	cmd := exec.Command("sh", "-c", "hostname hop.example && exec "+program+" -bD -q1m -C "+dir+"/cf")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUTS, Setpgid: true}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		peertest.Skip(tb, "Sendmail cannot have a host name of its own here: "+err.Error())
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tb.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) // with its deliveries
		<-ended
	})
	peertest.WaitFor(tb, "Sendmail to listen", func() bool {
		select {
		case err := <-ended:
			ended <- err
			tb.Fatalf("sendmail: %v", err)
		default:
		}
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return addr
}

// serveTCP starts a server on a port.
func serveTCP(tb testing.TB, h message.Handler) Address {
	tb.Helper()
	srv := serve(tb, Options{Handler: h})
	ln, err := Listen(tb.Context(), Address{Network: "tcp", Address: "127.0.0.1:0"}, ListenOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), hang)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			tb.Errorf("Shutdown() = %v", err)
		}
		<-served
	})
	return Address{Network: "tcp", Address: ln.Addr().String()}
}

// TestSendmail shows what Sendmail makes of each outcome.
func TestSendmail(t *testing.T) {
	t.Parallel()
	out := newSink(t, "8BITMIME")
	addr := startSendmail(t, out.addr, serveTCP(t, handle(byOrder)))
	head := "From: alice@example.org\r\nTo: bob@example.net\r\nMessage-ID: <1@example.org>\r\nDate: Wed, 25 Nov 2026 00:00:00 +0000\r\n"
	for _, test := range []struct{ subject, reply, top, body string }{
		{"accept me", "250 2.0.0 ", "", "body\r\n"},
		{"change me", "250 2.0.0 ", "X-Seen: yes\r\n it was\r\n", "BODY\r\n"},
		{"reject me", "550 5.7.1 Message refused", "", ""},
		{"defer me", "451 4.7.1 Service unavailable - try again later", "", ""},
		{"quarantine me", "250 2.0.0 ", "", ""},
	} {
		reply, err := submit(addr, author, []string{recipient}, head+"Subject: "+test.subject+"\r\n\r\nbody\r\n")
		if err != nil || !strings.HasPrefix(reply, test.reply) {
			t.Errorf("%s: Sendmail answers %q, %v, want %q", test.subject, reply, err, test.reply)
			continue
		}
		if test.body == "" {
			continue
		}
		got := withoutReceived(out.next(t).raw)
		if want := "Subject: " + test.subject + "\r\n\r\n" + test.body; !strings.HasPrefix(got, test.top) || !strings.HasSuffix(got, want) {
			t.Errorf("%s: delivered\n%s", test.subject, got)
		}
	}
}

// TestSendmailWorld signs in one Sendmail and verifies in another: mail of every kind arrives with
// smime=pass.
func TestSendmailWorld(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	out := newSink(t, "8BITMIME")
	second := startSendmail(t, out.addr, serveTCP(t, o.verifier(receiver.Options{})))
	first := startSendmail(t, second, serveTCP(t, o.signer(sender.Options{})))
	for _, kind := range kinds() {
		reply, err := submit(first, author, []string{recipient}, kind.raw())
		if strings.HasPrefix(reply, "421 4.5.0 Bare ") { // which Sendmail takes from nobody
			continue
		}
		if err != nil || !strings.HasPrefix(reply, "250 ") {
			t.Errorf("%s: Sendmail answers %q, %v", kind.name, reply, err)
			continue
		}
		raw := out.next(t).raw
		if got := results(t, raw, ourID); len(got) != 1 || !strings.HasPrefix(got[0], ourID+"; smime=pass ") {
			t.Errorf("%s: results %q\n%s", kind.name, got, raw)
		}
	}
}
