package smime_test

import (
	"bufio"
	"crypto/sha256"
	_ "embed" // the script that opens a message
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dnseal/lookup/lookuptest/peertest"
)

// thunderbird is a Thunderbird without a screen, that is told by Marionette to open messages.
type thunderbird struct {
	workshop
	conn net.Conn
	in   *bufio.Reader
	sent int
}

const thunderbirdSettings = `user_pref("mail.provider.suppress_dialog_on_startup", true);
user_pref("mail.spotlight.firstRunDone", true);
user_pref("mail.openMessageBehavior", 0);
user_pref("mail.rights.version", 1);
user_pref("mail.shell.checkDefaultClient", false);
user_pref("mailnews.start_page.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.enabled", false);
user_pref("network.dns.disabled", true);
user_pref("security.OCSP.enabled", 0);
user_pref("marionette.port", 0);
`

var (
	//go:embed testdata/interop/thunderbird.js
	openMessage string
	//go:embed testdata/interop/thunderbird_compose.js
	composeMessage string
)

func newThunderbird(t *testing.T, root string, ids map[string]*peerIdentity) mailProgram {
	t.Helper()
	return startThunderbird(t, root, ids)
}

// startThunderbird starts it with the certificates and keys of ids.
func startThunderbird(t *testing.T, root string, ids map[string]*peerIdentity) *thunderbird {
	t.Helper()
	p := &thunderbird{workshop: workshop{root: root, dir: t.TempDir()}}
	p.env = []string{"HOME=" + p.dir, "MOZ_HEADLESS=1", "LC_ALL=C.UTF-8"}
	p.write(t, "user.js", []byte(thunderbirdSettings))
	_, err := p.run(t, "certutil", "-N", "-d", "sql:.", "--empty-password")
	must(t, err)
	for _, file := range anchors(ids) {
		_, err = p.run(t, "certutil", "-A", "-d", "sql:.", "-n", filepath.Base(filepath.Dir(file)), "-t", "CT,C,C", "-i", file)
		must(t, err)
	}
	for name, id := range ids {
		if name == "ed25519" {
			continue // it cannot be imported
		}
		_, err = p.run(t, "openssl", "pkcs12", "-export", "-in", id.certFile(), "-inkey", id.keyFile(), "-passout", "pass:x", "-name", name, "-out", "p12")
		must(t, err)
		_, err = p.run(t, "pk12util", "-i", "p12", "-d", "sql:.", "-W", "x", "-K", "")
		must(t, err)
	}
	// It ends when it is told to, or with the test's context.
	cmd := p.command(t.Context(), t, "thunderbird", "--headless", "--no-remote", "--profile", p.dir, "--marionette", "--remote-allow-system-access")
	cmd.Env = append(os.Environ(), p.env...)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Wait() })
	port := ""
	peertest.WaitFor(t, "Thunderbird", func() bool {
		text, _ := os.ReadFile(filepath.Join(p.dir, "MarionetteActivePort"))
		port = strings.TrimSpace(string(text))
		return port != ""
	})
	p.conn, err = (&net.Dialer{}).DialContext(t.Context(), "tcp", "127.0.0.1:"+port)
	must(t, err)
	t.Cleanup(func() {
		_, _ = p.ask("Marionette:Quit", map[string]any{"flags": []string{"eForceQuit"}})
		_ = p.conn.Close()
	})
	p.in = bufio.NewReader(p.conn)
	_, err = p.answer() // its greeting
	must(t, err)
	_, err = p.ask("WebDriver:NewSession", map[string]any{})
	must(t, err)
	_, err = p.ask("Marionette:SetContext", map[string]any{"value": "chrome"})
	must(t, err)
	return p
}

// ask sends a command and returns its answer.
func (p *thunderbird) ask(command string, args map[string]any) (json.RawMessage, error) {
	p.sent++
	text, err := json.Marshal([]any{0, p.sent, command, args})
	if err != nil {
		return nil, err
	}
	if _, err = fmt.Fprintf(p.conn, "%d:%s", len(text), text); err != nil {
		return nil, err
	}
	text, err = p.answer()
	if err != nil {
		return nil, err
	}
	var answer [4]json.RawMessage // type, id, error, result
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	if string(answer[2]) != "null" {
		return nil, errors.New(string(answer[2]))
	}
	return answer[3], nil
}

// answer reads a message: its length in digits, a colon, and JSON.
func (p *thunderbird) answer() ([]byte, error) {
	var n int
	if _, err := fmt.Fscanf(p.in, "%d:", &n); err != nil {
		return nil, err
	}
	text := make([]byte, n)
	_, err := io.ReadFull(p.in, text)
	return text, err
}

// do runs a script and returns what it hands to its callback.
func (p *thunderbird) do(t *testing.T, script string, args ...any) (string, error) {
	t.Helper()
	answer, err := p.ask("WebDriver:ExecuteAsyncScript", map[string]any{
		"script": script, "args": args, "scriptTimeout": 120_000, "newSandbox": true,
	})
	must(t, err)
	var shown struct{ Value string }
	must(t, json.Unmarshal(answer, &shown))
	if why, failed := strings.CutPrefix(shown.Value, "error: "); failed {
		return "", errors.New(why)
	}
	return shown.Value, nil
}

func (p *thunderbird) verifyMail(t *testing.T, _ *peerIdentity, text []byte) error {
	t.Helper()
	shown, err := p.do(t, openMessage, p.write(t, "in.eml", text))
	if err == nil && !strings.HasPrefix(shown, "Message Is Signed: This message includes a valid digital signature.") {
		return errors.New(shown)
	}
	return err
}

// compose makes a message from id to id.
func (p *thunderbird) compose(t *testing.T, id *peerIdentity, text string, sign, encrypt bool) ([]byte, error) {
	t.Helper()
	fingerprint := fmt.Sprintf("%X", sha256.Sum256(id.signer.Certificate.Raw))
	made, err := p.do(t, composeMessage, fingerprint, text, sign, encrypt)
	return []byte(made), err
}

func (p *thunderbird) signMail(t *testing.T, _ row, id *peerIdentity, opaque bool) ([]byte, error) {
	t.Helper()
	switch {
	case opaque:
		return nil, errClearOnly
	case id.name == "ed25519":
		return nil, errNoImport
	}
	return p.compose(t, id, peerText, true, false)
}
