package relay

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dnseal/lookup/lookuptest/peertest"
)

// mustWrite writes a file, and the folders above it.
func mustWrite(tb testing.TB, path, content string) {
	tb.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = os.WriteFile(path, []byte(content), 0o644)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// mustRun runs a program to its end.
func mustRun(tb testing.TB, name string, args ...string) string {
	tb.Helper()
	out, err := exec.CommandContext(context.Background(), name, args...).CombinedOutput()
	if err != nil {
		tb.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// runProgram runs a program in the foreground until the test ends.
func runProgram(tb testing.TB, name string, args ...string) {
	tb.Helper()
	var log logBuffer
	cmd := exec.CommandContext(context.Background(), name, args...)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		stop := time.AfterFunc(hangGuard, func() { cmd.Process.Kill() })
		cmd.Wait()
		stop.Stop()
		if tb.Failed() {
			tb.Logf("%s printed:\n%s", name, log.String())
		}
	})
}

// listens reports whether somebody accepts connections there.
func listens(network, addr string) func() bool {
	return func() bool {
		c, err := net.Dial(network, addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	}
}

// needRoot skips tests of programs that change their user.
func needRoot(tb testing.TB) {
	tb.Helper()
	peertest.NeedRoot(tb, "only root can start Postfix, Exim, Dovecot and OpenSMTPD")
}

const eximConf = `exim_path = %[2]s
spool_directory = %[1]s/spool
log_file_path = %[1]s/log/%%slog
keep_environment =
primary_hostname = exim.example
local_interfaces = %[5]s
daemon_smtp_ports = %[3]s
acl_smtp_rcpt = accept
acl_smtp_data = accept
accept_8bitmime = true
smtputf8_advertise_hosts = *
tls_advertise_hosts =
smtp_accept_max = 100
smtp_accept_queue_per_connection = 0
begin routers
list:
  driver = accept
  transport = list
begin transports
list:
  driver = pipe
  command = "%[4]s -F -L %[1]s/list"
  user = Debian-exim
  group = Debian-exim
  return_path_add
begin retry
* * F,1h,1m
`

// startExim runs an Exim that gives everything to a list of mlmmj with a footer, which sends it on
// to next.
func startExim(tb testing.TB, next string) string {
	tb.Helper()
	needRoot(tb)
	exim, mlmmj := peertest.Program(tb, "exim4"), peertest.Program(tb, "mlmmj-receive")
	dir, addr := peertest.ShortDir(tb), peertest.FreeAddr(tb)
	ownHost, own, _ := net.SplitHostPort(addr)
	host, port, _ := net.SplitHostPort(next)
	mustWrite(tb, dir+"/conf", fmt.Sprintf(eximConf, dir, exim, own, mlmmj, ownHost))
	for d := range strings.FieldsSeq("spool log list/incoming list/queue/discarded list/archive list/text list/subconf list/unsubconf list/bounce list/control list/moderation list/digesters.d list/requeue list/nomailsubs.d") {
		if err := os.MkdirAll(dir+"/"+d, 0o755); err != nil {
			tb.Fatal(err)
		}
	}
	for name, content := range map[string]string{
		"control/listaddress": listAddress + "\n", "control/owner": "owner@lists.example\n", "control/relayhost": host + "\n", "control/smtpport": port + "\n",
		"control/tocc": "", "control/prefix": "[list]\n", "control/footer": listFooter, "subscribers.d/b": "bob@example.net\n",
	} {
		mustWrite(tb, dir+"/list/"+name, content)
	}
	// Exim wants a user of its own to exist: in a mount namespace it does, and nothing of this
	// machine is changed.
	for _, file := range []string{"passwd", "group"} {
		b, err := os.ReadFile("/etc/" + file)
		if err != nil {
			tb.Fatal(err)
		}
		line := map[string]string{"passwd": "Debian-exim:x:65533:65533::/:/usr/sbin/nologin\n", "group": "Debian-exim:x:65533:\n"}[file]
		if strings.Contains(string(b), "Debian-exim:") {
			line = ""
		}
		mustWrite(tb, dir+"/"+file, string(b)+line)
	}
	script := fmt.Sprintf("mount --bind %[1]s/passwd /etc/passwd && mount --bind %[1]s/group /etc/group && chown -R Debian-exim:Debian-exim %[1]s/spool %[1]s/log %[1]s/list && exec %[2]s -C %[1]s/conf -bdf -q1m", dir, exim)
	runProgram(tb, "unshare", "-m", "sh", "-c", script)
	tb.Cleanup(func() {
		if tb.Failed() {
			log, _ := os.ReadFile(dir + "/log/mainlog")
			tb.Logf("Exim:\n%s", log[max(0, len(log)-4000):])
		}
	})
	peertest.WaitListening(tb, addr)
	return addr
}

const (
	listAddress = "list@lists.example"
	listFooter  = "-- \nThe footer of the list\n"
)

const dovecotConf = `base_dir = %[1]s/run
state_dir = %[1]s/state
log_path = %[1]s/log
protocols = lmtp
listen = 127.0.0.1
ssl = no
mail_location = maildir:%[1]s/mail/%%u
first_valid_uid = 1
first_valid_gid = 1
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=%[1]s/mail/%%u allow_all_users=yes
}
passdb {
  driver = static
  args = user=%%u password=secret
}
auth_mechanisms = plain login cram-md5 scram-sha-256
service lmtp {
  executable = %[2]s
  unix_listener lmtp {
    mode = 0666
  }
}
service auth {
  unix_listener auth-relay {
    mode = 0666
  }
}
auth_failure_delay = 0
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
`

// startDovecot runs a Dovecot with LMTP at run/lmtp, logins at run/auth-relay and mailboxes below
// mail, in the folder it returns.
func startDovecot(tb testing.TB) string {
	tb.Helper()
	needRoot(tb)
	program, lmtp := peertest.Program(tb, "dovecot"), peertest.Program(tb, "lmtp")
	dir := peertest.ShortDir(tb)
	mustWrite(tb, dir+"/conf", fmt.Sprintf(dovecotConf, dir, lmtp))
	if err := os.Mkdir(dir+"/mail", 0o777); err != nil {
		tb.Fatal(err)
	}
	mustRun(tb, "chown", "nobody:nogroup", dir+"/mail")
	runProgram(tb, program, "-F", "-c", dir+"/conf")
	tb.Cleanup(func() {
		if tb.Failed() {
			log, _ := os.ReadFile(dir + "/log")
			tb.Logf("Dovecot:\n%s", log[max(0, len(log)-4000):])
		}
	})
	peertest.WaitFor(tb, "Dovecot", listens("unix", dir+"/run/lmtp"))
	peertest.WaitFor(tb, "Dovecot's auth", listens("unix", dir+"/run/auth-relay"))
	return dir
}
