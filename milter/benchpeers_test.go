//go:build !386 && !arm && !mips && !mipsle

package milter

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	gomilter "github.com/d--j/go-milter"

	"dnseal/lookup"
	"dnseal/lookup/dnssec"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/receiver"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime/message"
)

// roleHandler makes the handler of a child.
func roleHandler(role string, with []string) (message.Handler, error) {
	switch role {
	case "by order":
		return handle(byOrder), nil
	case "noop":
		return handle(accepting), nil
	case "echo":
		return handle(echo), nil
	case "sign":
		id, err := identity.Load(with[0], author)
		if err != nil {
			return nil, err
		}
		return sender.New(sender.Options{
			Identities: func(string) (*identity.Identity, error) { return id, nil },
			Rules:      []sender.Rule{{Who: []string{"net:192.0.2.0/24"}, From: []string{"*@example.org"}}},
		})
	case "verify":
		anchors, err := dnssec.ParseAnchors(with[1], "bench")
		if err != nil {
			return nil, err
		}
		client, err := lookup.New(lookup.Options{Resolvers: []string{with[0]}, Anchors: anchors})
		if err != nil {
			return nil, err
		}
		return receiver.New(receiver.Options{Lookup: client, AuthservID: ourID})
	}
	return nil, fmt.Errorf("no role %q", role)
}

// echo gives the body back unchanged, through our milter.
func echo(_ context.Context, m *message.Message, _ *message.Envelope) *message.Outcome {
	body := message.NewSpool(0)
	body.Grow(m.Size() - m.BodyOffset())
	buf := make([]byte, min(64<<10, m.Size()))
	if _, err := io.CopyBuffer(body, m.Body(), buf); err != nil {
		return nil
	}
	return &message.Outcome{Action: message.Accept, Edit: &message.Edit{Body: body}}
}

// bareEcho does the same with the library alone: the limit for a signer.
type bareEcho struct {
	gomilter.NoOpMilter
	body []byte
}

func (e *bareEcho) RcptTo(string, string, gomilter.Modifier) (*gomilter.Response, error) {
	return gomilter.RespContinue, nil
}

func (e *bareEcho) MailFrom(string, string, gomilter.Modifier) (*gomilter.Response, error) {
	e.body = e.body[:0]
	return gomilter.RespContinue, nil
}

func (e *bareEcho) Header(string, string, gomilter.Modifier) (*gomilter.Response, error) {
	return gomilter.RespContinue, nil
}

func (e *bareEcho) BodyChunk(chunk []byte, _ gomilter.Modifier) (*gomilter.Response, error) {
	e.body = append(e.body, chunk...)
	return gomilter.RespContinue, nil
}

func (e *bareEcho) EndOfMessage(m gomilter.Modifier) (*gomilter.Response, error) {
	for body := e.body; len(body) > 0; {
		n := min(bodyChunk, len(body))
		if err := m.ReplaceBodyRawChunk(body[:n]); err != nil {
			return nil, err
		}
		body = body[n:]
	}
	return gomilter.RespAccept, nil
}

// bareNoop takes the same in and gives nothing back: the limit for a verifier.
type bareNoop struct{ bareEcho }

func (*bareNoop) EndOfMessage(gomilter.Modifier) (*gomilter.Response, error) {
	return gomilter.RespAccept, nil
}

// bareServer is a milter of the library alone.
func bareServer(newMilter func() gomilter.Milter) *gomilter.Server {
	return gomilter.NewServer(
		gomilter.WithMilter(newMilter),
		gomilter.WithActions(wantActions), gomilter.WithProtocols(wantProtocol),
		gomilter.WithNegotiationCallback(negotiate),
	)
}

// process is a peer under load.
type process struct {
	name string
	path string
	cmd  *exec.Cmd
}

// startProcess runs a peer and waits until it listens at path.
func startProcess(tb testing.TB, name, path string, cmd *exec.Cmd) *process {
	tb.Helper()
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	peertest.WaitFor(tb, name+" to listen", func() bool {
		c, err := net.Dial("unix", path)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	return &process{name, path, cmd}
}

// startRole runs the test binary as a peer.
func startRole(tb testing.TB, name, role string, with ...string) *process {
	tb.Helper()
	path := filepath.Join(peertest.ShortDir(tb), "s")
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = childEnv(path, role, with...)
	return startProcess(tb, name, path, cmd)
}

// startSigner runs our signer with a key of the algorithm.
func startSigner(tb testing.TB, name, algorithm string) *process {
	tb.Helper()
	dir := tb.TempDir()
	if _, err := identity.Create(dir, author, identity.CreateOptions{Algorithm: algorithm}); err != nil {
		tb.Fatal(err)
	}
	return startRole(tb, name, "sign", dir)
}

// startDKIM runs Debian's OpenDKIM as a signer.
func startDKIM(tb testing.TB, name, algorithm, key string) *process {
	tb.Helper()
	program := peertest.Program(tb, "opendkim")
	dir := peertest.ShortDir(tb)
	for file, content := range map[string]string{
		"keytable": "k1 example.org:sel:" + key + "\n", "signingtable": "*@example.org k1\n", "trusted": "192.0.2.0/24\n",
	} {
		peertest.WriteFile(tb, filepath.Join(dir, file), content)
	}
	peertest.WriteFile(tb, filepath.Join(dir, "conf"), fmt.Sprintf("Syslog no\nUMask 000\nRequireSafeKeys no\nMode s\nCanonicalization relaxed/relaxed\n"+
		"SignatureAlgorithm %[2]s\nSocket local:%[1]s/s\nKeyTable file:%[1]s/keytable\nSigningTable refile:%[1]s/signingtable\n"+
		"InternalHosts file:%[1]s/trusted\nExternalIgnoreList file:%[1]s/trusted\n", dir, algorithm))
	return startProcess(tb, name, dir+"/s", exec.Command(program, "-f", "-x", dir+"/conf"))
}

// msgauth is the Go module of go-msgauth's dkim-milter. It is built by itself and is no dependency
// of ours.
const msgauth = "github.com/emersion/go-msgauth/cmd/dkim-milter@v0.7.0"

// startMsgauth builds and runs go-msgauth's milter.
func startMsgauth(tb testing.TB, name, key string) *process {
	tb.Helper()
	dir := peertest.ShortDir(tb)
	program := filepath.Join(dir, "dkim-milter")
	if _, err := os.Stat(program); err != nil {
		cmd := exec.Command("go", "install", msgauth)
		cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
		if out, err := cmd.CombinedOutput(); err != nil {
			peertest.Skip(tb, fmt.Sprintf("%s cannot be built: %v\n%s", msgauth, err, out))
		}
	}
	return startProcess(tb, name, dir+"/s", exec.Command(program, "-l", "unix://"+dir+"/s", "-d", "example.org", "-s", "sel", "-k", key))
}

// dkimKeys writes an RSA-2048 and an Ed25519 key.
func dkimKeys(tb testing.TB) (rsaKey, edKey string) {
	tb.Helper()
	dir := tb.TempDir()
	write := func(name string, key any) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			tb.Fatal(err)
		}
		path := filepath.Join(dir, name)
		peertest.WriteFile(tb, path, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
		return path
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return write("rsa", rsaPrivate(tb)), write("ed", ed)
}

// cpu is the time the process has had (proc(5), stat; a tick is 10 ms).
func (p *process) cpu(tb testing.TB) time.Duration {
	tb.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		tb.Fatal(err)
	}
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	var ticks int
	for _, f := range fields[11:13] {
		n, _ := strconv.Atoi(f)
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// resetPeak forgets the peak of memory, peak returns it in MiB.
func (p *process) resetPeak() {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0)
}

func (p *process) peak() float64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	n, _ := strconv.Atoi(strings.Fields(rest + " 0")[0])
	return float64(n) / 1024
}
