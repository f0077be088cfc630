package submit

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is a submission server that does at each step what a test says.
type fake struct {
	t        *testing.T
	tls      *tls.Config
	roots    *x509.CertPool
	implicit bool
	noTLS    bool // offers no STARTTLS
	exts     []string
	// answers are replies by the first words of a command ("MAIL", "RCPT TO:<x@y>", "." for the end
	// of the content, "" for the greeting); "cut" ends the connection, "hang" leaves it without
	// answer.
	answers map[string]string

	Server
	mu    sync.Mutex
	mails []mail
	conns int
	auth  []string
	names []string      // of client certificates
	hangs chan struct{} // gets a value when an answer is left out
}

type mail struct{ from, to, text string }

// start serves until the test ends.
func (f *fake) start(t *testing.T) *fake {
	t.Helper()
	f.t, f.hangs = t, make(chan struct{}, 1)
	f.tls, f.roots = serverTLS(t, "127.0.0.1")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(l.Addr().String())
	f.Server = Server{Host: host, Port: port, Implicit: f.implicit}
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				stop := make(chan struct{})
				defer close(stop)
				go func() {
					select {
					case <-done:
						conn.Close()
					case <-stop:
					}
				}()
				f.serve(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); close(done); wg.Wait() })
	return f
}

// options are right for the server.
func (f *fake) options() *Options {
	return &Options{Server: f.Server, Roots: f.roots}
}

func (f *fake) taken() []mail {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]mail(nil), f.mails...)
}

func (f *fake) connections() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.conns
}

// seen are the logins, and the names in client certificates.
func (f *fake) seen() (logins, names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.auth...), append([]string(nil), f.names...)
}

func (f *fake) set(step, answer string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.answers == nil {
		f.answers = map[string]string{}
	}
	f.answers[step] = answer
}

// answer is what the test says for a command, else usual.
func (f *fake) answer(command, usual string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	best := ""
	for step := range f.answers {
		if strings.HasPrefix(command, step) && len(step) >= len(best) && (step != "" || command == "") {
			best = step
		}
	}
	if said := f.answers[best]; said != "" && (best != "" || command == "") {
		return said
	}
	return usual
}

func (f *fake) serve(conn net.Conn) {
	f.mu.Lock()
	f.conns++
	f.mu.Unlock()
	if f.implicit {
		secured := tls.Server(conn, f.tls)
		if secured.Handshake() != nil {
			return
		}
		conn = secured
	}
	r := bufio.NewReader(conn)
	say := func(command, usual string) bool {
		text := f.answer(command, usual)
		switch text {
		case "cut":
			return false
		case "hang":
			select {
			case f.hangs <- struct{}{}:
			default:
			}
			_, _ = io.Copy(io.Discard, conn) // until the other side has enough
			return false
		}
		_, err := io.WriteString(conn, strings.ReplaceAll(text, "\n", "\r\n")+"\r\n")
		return err == nil && !strings.HasPrefix(text, "421")
	}
	if !say("", "220 fake") {
		return
	}
	var m mail
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		switch verb := strings.ToUpper(strings.Fields(line + " x")[0]); verb {
		case "EHLO":
			exts := append([]string{"fake"}, f.exts...)
			if _, secured := conn.(*tls.Conn); !secured && !f.noTLS {
				exts = append(exts, "STARTTLS")
			}
			text := ""
			for i, e := range exts {
				sep := "-"
				if i == len(exts)-1 {
					sep = " "
				}
				text += "250" + sep + e + "\n"
			}
			if !say(line, strings.TrimSuffix(text, "\n")) {
				return
			}
		case "STARTTLS":
			if !say(line, "220 go") {
				return
			}
			secured := tls.Server(conn, f.tls)
			if secured.Handshake() != nil {
				return
			}
			f.mu.Lock()
			for _, c := range secured.ConnectionState().PeerCertificates {
				f.names = append(f.names, strings.Join(c.DNSNames, " "))
			}
			f.mu.Unlock()
			conn, r = secured, bufio.NewReader(secured)
		case "AUTH":
			if !f.login(line, r, say) {
				return
			}
		case "MAIL":
			m = mail{from: line}
			if !say(line, "250 ok") {
				return
			}
		case "RCPT":
			said := f.answer(line, "250 ok")
			if strings.HasPrefix(said, "250") {
				m.to += line[len("RCPT TO:"):]
			}
			if !say(line, "250 ok") {
				return
			}
		case "DATA":
			said := f.answer(line, "354 go")
			if !say(line, "354 go") {
				return
			}
			if !strings.HasPrefix(said, "354") {
				continue
			}
			for {
				text, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if text == ".\r\n" {
					break
				}
				m.text += strings.TrimPrefix(text, ".")
			}
			said = f.answer(".", "250 taken")
			if strings.HasPrefix(said, "250") || said == "cut" || said == "hang" {
				f.mu.Lock()
				f.mails = append(f.mails, m)
				f.mu.Unlock()
			}
			if !say(".", "250 taken") {
				return
			}
		case "QUIT":
			say(line, "221 bye")
			return
		default:
			if !say(line, "250 ok") {
				return
			}
		}
	}
}

// login knows PLAIN, LOGIN and EXTERNAL.
func (f *fake) login(line string, r *bufio.Reader, say func(string, string) bool) bool {
	words := strings.Fields(line)
	var got []string
	if len(words) == 3 {
		got = append(got, words[2])
	}
	if words[1] == "LOGIN" {
		for _, prompt := range []string{"User Name", "Pass:"} { // as no standard has them
			if !say("334", "334 "+base64.StdEncoding.EncodeToString([]byte(prompt))) {
				return false
			}
			answer, err := r.ReadString('\n')
			if err != nil {
				return false
			}
			got = append(got, strings.TrimSpace(answer))
		}
	}
	text := words[1]
	for _, g := range got {
		plain, _ := base64.StdEncoding.DecodeString(g)
		text += fmt.Sprintf(" %q", plain)
	}
	f.mu.Lock()
	f.auth = append(f.auth, text)
	f.mu.Unlock()
	return say(line, "235 ok")
}

// serverTLS makes a CA and a certificate for an address.
func serverTLS(t *testing.T, ip string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fake"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(ip)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, ClientAuth: tls.RequestClientCert}, roots
}
