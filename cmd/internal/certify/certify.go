// Package certify is what identity ca sign does: it finds out whether an argument is a request or
// an identity, and has the CA of its domain certify it.
package certify

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/identity"
	"dnseal/sender/identity/ca"
	"dnseal/sender/identity/provision"
)

// Signer certifies one request after the other. All fields but Out, Name and Domain are required.
type Signer struct {
	// Dir is the directory of the identities and their CAs; Keys opens the keys of CAs.
	Dir  string
	Keys identity.Loader
	// Options of all certificates.
	Options ca.IssueOptions
	// Domain is that of the CA; empty: the nearest to the name. Name is for a request that states
	// none.
	Domain, Name string
	// Out is where the answer to a request goes: a file, or a directory, which it has to be where
	// there are Several requests; empty: Stdout.
	Out     string
	Several bool
	// Write writes a file whole or not at all.
	Write func(file, text string, mode fs.FileMode) error
	// Stdin is the request "-"; what was done is said on Stderr.
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Sign answers the request in a file, or certifies the identity of a name. Errors: those of package
// ca, with the file in front; what the file system returned.
func (s *Signer) Sign(ctx context.Context, arg string) error {
	info, err := os.Stat(arg)
	isFile := arg == "-" || err == nil && !info.IsDir()
	names, err := identity.List(s.Dir)
	if err != nil && !isFile {
		return err
	}
	_, canonical, notName := identity.ParseName(arg)
	isIdentity := notName == nil && slices.Contains(names, canonical)
	switch {
	case isFile && isIdentity:
		return cli.Hint(fmt.Errorf("%s is a file, and an identity", arg), "write ./%s for the file, or move it away", arg)
	case isFile:
		return s.request(ctx, arg)
	case !isIdentity:
		return cli.Hint(fmt.Errorf("there is no file %s, and no identity of this name in %s", arg, s.Dir), "give the file of a certificate request, or a name of: dnseal identity show --identities %s", identity.Quote(s.Dir))
	}
	return s.identity(ctx, canonical)
}

func (s *Signer) identity(ctx context.Context, name string) error {
	if s.Out != "" || s.Name != "" {
		return fmt.Errorf("--out and --name are for requests, and %s is an identity", name)
	}
	a, err := ca.Loader{Keys: s.Keys}.For(s.Dir, s.Domain, &ca.Request{Name: name})
	if err != nil {
		return err
	}
	if provision.HoldsCertificate(s.Dir, name) {
		return s.next(ctx, a, name)
	}
	id, err := a.SignIdentity(ctx, s.Dir, name, s.Options)
	if err != nil {
		return err
	}
	cli.Print(s.Stderr, "dnseal: certified %s until %s by the CA of %s: %s", id.Name, date(id.Certificate.NotAfter), a.Domain, id.CertFile)
	return nil
}

// next certifies the key of an identity whose record has the whole certificate: a rollover
// publishes the new one beside it before it is used.
func (s *Signer) next(ctx context.Context, a *ca.Authority, name string) error {
	f, err := provision.Lock(s.Dir, name)
	if err != nil {
		return err
	}
	defer f.Close()
	keys, err := f.Keys()
	if err != nil {
		return err
	}
	goOn := "dnseal identity rollover " + identity.Quote(name)
	if g, _ := keys.Which(""); g.RollingOver() {
		return cli.Hint(fmt.Errorf("%s: a rollover is under way, and its record has the whole certificate", name), "end it first: %s", goOn)
	}
	opts := provision.NextOptions{Renew: true, Loader: s.Keys}
	opts.Days, opts.Now, opts.Certify = s.Options.Days, s.Options.Now, a.Certifier(ctx, s.Options)
	if err = f.MakeNext(opts); err != nil {
		return err
	}
	cli.Print(s.Stderr, "dnseal: certified %s by the CA of %s: %s", name, a.Domain, filepath.Join(f.Path, identity.NextFolder, "cert.pem"))
	cli.Print(s.Stderr, "dnseal: hint: its record has the whole certificate: the next one is published beside it, and used after that, by: %s", goOn)
	return nil
}

func (s *Signer) request(ctx context.Context, file string) error {
	req, err := s.read(file)
	if err != nil {
		return err
	}
	a, err := ca.Loader{Keys: s.Keys}.For(s.Dir, s.Domain, req)
	if err != nil {
		return of(file, err)
	}
	cert, err := a.Issue(ctx, req, s.Options)
	if err != nil {
		return of(file, err)
	}
	for _, left := range req.LeftOut {
		cli.Print(s.Stderr, "dnseal: warning: %s asks for what is not certified: %s", file, left)
	}
	text := identity.EncodeCertificates(slices.Concat([]*x509.Certificate{cert}, a.Chain())...)
	if err = s.deliver(req.Name, string(text)); err != nil {
		return err
	}
	cli.Print(s.Stderr, "dnseal: certified %s until %s by the CA of %s", req.Name, date(cert.NotAfter), a.Domain)
	if s.Out != "" {
		cli.Print(s.Stderr, "dnseal: hint: where its key is: dnseal identity import %s FILE --anchor; without --anchor the CA's certificate is left out, which receivers need where the CA is published in the DNS", identity.Quote(req.Name))
	}
	return nil
}

// read reads a request, with the name that was given for it.
func (s *Signer) read(file string) (*ca.Request, error) {
	in := s.Stdin
	if file != "-" {
		f, err := cli.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close() //nolint:errcheck // only read
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, ca.MaxRequest+1))
	if err != nil {
		return nil, err
	}
	req, err := ca.ReadRequest(data)
	if err == nil && s.Name != "" {
		err = req.SetName(s.Name)
	}
	if err != nil {
		return nil, of(file, err)
	}
	return req, nil
}

// of names the file of an error, and keeps its hint.
func of(file string, err error) error { return fmt.Errorf("%s: %w", file, plainError{err}) }

// plainError is an error whose text does not begin with the name of a package.
type plainError struct{ error }

func (e plainError) Error() string { return cli.Plain(e.error) }

func (e plainError) Unwrap() error { return e.error }

// write writes what answers the request for name.
func (s *Signer) deliver(name, text string) error {
	file := s.Out
	if info, err := os.Stat(file); file != "" && err == nil && info.IsDir() {
		file = filepath.Join(file, identity.FolderName(name)+".pem")
	} else if file != "" && s.Several {
		return cli.Hint(fmt.Errorf("--out %s is no directory, and there are several requests", file), "make it: mkdir %s", identity.Quote(file))
	}
	if file == "" {
		_, err := io.WriteString(s.Stdout, text)
		return err
	}
	return s.Write(file, text, 0o644)
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
