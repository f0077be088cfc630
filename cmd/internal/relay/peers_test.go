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

// worldDir makes a folder with a short path that other users may enter.
func worldDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "relay") //nolint:usetesting // TempDir is too long for sockets, and closed to others
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		tb.Fatal(err)
	}
	return dir
}

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

const postfixMain = `compatibility_level = 3.6
maillog_file = %[1]s/log/mail.log
maillog_file_prefixes = %[1]s
queue_directory = %[1]s/spool
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
mydestination =
local_transport = error:no local delivery
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
smtpd_recipient_restrictions = permit_mynetworks, reject
relayhost = [%[2]s]:%[3]s
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
message_size_limit = 60000000
%[4]s
`

const postfixMaster = `%s inet n - n - - smtpd
pickup    unix  n - n 60  1 pickup
cleanup   unix  n - n -   0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n -   1 tlsmgr
rewrite   unix  - - n -   - trivial-rewrite
bounce    unix  - - n -   0 bounce
defer     unix  - - n -   0 bounce
trace     unix  - - n -   0 bounce
verify    unix  - - n -   1 verify
flush     unix  n - n -   0 flush
proxymap  unix  - - n -   - proxymap
smtp      unix  - - n -   - smtp
relay     unix  - - n -   - smtp
showq     unix  n - n -   - showq
error     unix  - - n -   - error
retry     unix  - - n -   - error
discard   unix  - - n -   - discard
anvil     unix  - - n -   1 anvil
scache    unix  - - n -   1 scache
postlog   unix-dgram n - n - 1 postlogd
`

// startPostfix runs a Postfix of its own that hands everything on, and returns its address.
func startPostfix(tb testing.TB, next string, settings ...string) string {
	tb.Helper()
	needRoot(tb)
	program := peertest.Program(tb, "postfix")
	dir, addr := worldDir(tb), peertest.FreeAddr(tb)
	host, port, _ := net.SplitHostPort(next)
	mustWrite(tb, dir+"/etc/main.cf", fmt.Sprintf(postfixMain, dir, host, port, strings.Join(settings, "\n")))
	mustWrite(tb, dir+"/etc/master.cf", fmt.Sprintf(postfixMaster, addr))
	for _, d := range []string{"spool", "data", "log"} {
		mustWrite(tb, dir+"/"+d+"/.keep", "")
	}
	mustRun(tb, "chown", "-R", "postfix", dir+"/data")
	tb.Cleanup(func() {
		if tb.Failed() {
			log, _ := os.ReadFile(dir + "/log/mail.log")
			tb.Logf("Postfix:\n%s", log[max(0, len(log)-4000):])
		}
	})
	mustRun(tb, program, "-c", dir+"/etc", "start")
	tb.Cleanup(func() { mustRun(tb, program, "-c", dir+"/etc", "stop") })
	peertest.WaitFor(tb, "Postfix", listens("tcp", addr))
	return addr
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
	dir, addr := worldDir(tb), peertest.FreeAddr(tb)
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
	peertest.WaitFor(tb, "Exim", listens("tcp", addr))
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
	dir := worldDir(tb)
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
