//go:build !submit

package main

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dnseal/cmd/internal/worldtest"
	"dnseal/lookup/lookuptest/peertest"
	"dnseal/sender"
	"dnseal/sender/identity"
	"dnseal/smime"
	"dnseal/smime/message"
)

// buildProgram builds dnseal as make build does: benchmarks of the program measure that, not a test
// binary.
func buildProgram(b *testing.B) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), "dnseal")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// benchWorld makes an identity and a resolver that publishes it: a folder and the environment.
func benchWorld(b *testing.B) (dir string, env []string) {
	b.Helper()
	w := worldtest.New(b)
	return w.Dir, append(os.Environ(), "DNSEAL_IDENTITIES="+w.Path("keys"), "DNSEAL_RESOLVER="+w.DNS.Addr(), "DNSEAL_TRUST_ANCHOR="+w.Path("anchor"))
}

// endless is a text message of n bytes and a little more.
func endless(n int64) io.Reader {
	head := "From: alice@example.org\r\nTo: bob@example.net\r\nSubject: long\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n"
	line := strings.Repeat("0123456789", 7) + "\r\n"
	return io.MultiReader(strings.NewReader(head), io.LimitReader(&repeated{block: bytes.Repeat([]byte(line), 1000)}, n/int64(len(line))*int64(len(line))))
}

type repeated struct {
	block []byte
	at    int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := copy(p, r.block[r.at:])
	r.at = (r.at + n) % len(r.block)
	return n, nil
}

// BenchmarkMemory signs and verifies a message of 1 GiB with the built program and reports its peak
// memory; the limit is 64 MiB, whatever the size.
func BenchmarkMemory(b *testing.B) {
	program := buildProgram(b)
	dir, env := benchWorld(b)
	const size = 1 << 30
	for _, form := range []string{"clear", "opaque"} {
		signed := filepath.Join(dir, form+".eml")
		b.Run("sign/"+form, func(b *testing.B) {
			for b.Loop() {
				args := []string{"sign", "-"}
				if form == "opaque" {
					args = append(args, "--opaque")
				}
				out, err := os.Create(signed)
				if err != nil {
					b.Fatal(err)
				}
				peak(b, program, args, env, endless(size), out)
				out.Close()
			}
			b.SetBytes(size)
		})
		b.Run("verify/"+form, func(b *testing.B) {
			for b.Loop() {
				peak(b, program, []string{"verify", signed}, env, nil, io.Discard)
			}
			b.SetBytes(size)
		})
		os.Remove(signed)
	}
}

// peak runs the program and reports its peak resident memory.
func peak(b *testing.B, program string, args, env []string, stdin io.Reader, stdout io.Writer) {
	b.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, stdin, stdout, &stderr
	if err := cmd.Run(); err != nil {
		b.Fatalf("dnseal %v: %v\n%s", args, err, &stderr)
	}
	mib := float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024
	b.ReportMetric(mib, "MiB-peak")
	if mib > 64 {
		b.Errorf("dnseal %v took %.0f MiB, at most 64 are allowed", args, mib)
	}
}

// BenchmarkBulk verifies an mbox of 5,000 messages with the built program, beside a shell loop over
// openssl cms -verify.
func BenchmarkBulk(b *testing.B) {
	openssl := peertest.Program(b, "openssl")
	const messages, looped = 5000, 250
	program := buildProgram(b)
	dir, env := benchWorld(b)
	id, err := identity.Load(filepath.Join(dir, "keys"), "alice@example.org")
	if err != nil {
		b.Fatal(err)
	}
	var mbox bytes.Buffer
	for i := range messages {
		text := signedMessage(b, id, i)
		fmt.Fprintf(&mbox, "From alice@example.org Tue Nov 24 10:00:00 2026\n%s\n", text)
		if i < looped {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.eml", i)), text, 0o600); err != nil {
				b.Fatal(err)
			}
		}
	}
	box := filepath.Join(dir, "mbox")
	if err := os.WriteFile(box, mbox.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: id.Certificate.Raw})
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), ca, 0o600); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		start := time.Now()
		cmd := exec.Command(program, "verify", "--json", box)
		cmd.Env = env
		if out, err := cmd.CombinedOutput(); err != nil || bytes.Count(out, []byte(`"verdict":"pass","code":"","reason":"","from"`)) != messages {
			b.Fatalf("dnseal verify: %v, not all pass: %.300s", err, out)
		}
		ours := messages / time.Since(start).Seconds()
		start = time.Now()
		loop := fmt.Sprintf(`for i in $(seq 0 %d); do %s cms -verify -in $i.eml -CAfile ca.pem -out /dev/null 2>/dev/null || exit 1; done`, looped-1, openssl)
		cmd = exec.Command("sh", "-c", loop)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("openssl: %v %s", err, out)
		}
		theirs := looped / time.Since(start).Seconds()
		b.ReportMetric(ours, "messages/s")
		b.ReportMetric(theirs, "openssl-messages/s")
		b.ReportMetric(ours/theirs, "times-openssl")
	}
}

func signedMessage(b *testing.B, id *identity.Identity, n int) []byte {
	b.Helper()
	text := fmt.Sprintf("From: alice@example.org\r\nTo: bob@example.net\r\nSubject: %d\r\nMessage-ID: <%d@example.org>\r\n\r\n%s", n, n, strings.Repeat("A line of text in a message.\r\n", 100))
	m, err := message.Read(strings.NewReader(text), message.ReadOptions{})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	edit, err := sender.SignMessage(b.Context(), m, []*identity.Identity{id}, smime.SignOptions{Time: time.Now()})
	if err != nil {
		b.Fatal(err)
	}
	defer edit.Close()
	var out bytes.Buffer
	if _, err := m.WriteEdited(&out, edit); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}
