package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/identity"
	"dnseal/sender/identity/ca"
)

func newCASign() *cobra.Command {
	var opts ca.IssueOptions
	var out, name, domain string
	cmd := &cobra.Command{
		Use:   "sign CSR-FILE|NAME...",
		Short: "Certify requests, or identities of the directory, by their domain's CA",
		Long: `Answers certificate requests (PKCS #10, in PEM or DER; "-" is standard input): the
certificate for the name in the subjectAltName of the request, and after it that
of the CA, is printed, or written to --out. Nothing else that the request states
gets into the certificate but the key usage of its kind of key.

For an identity of the directory the certificate is replaced, and its key stays:
the first time, and again each time its end is near. A new key is the work of
"dnseal identity rollover".

The CA is that of the name's domain, or the nearest above it. A certificate ends
with its CA's at the latest.`,
		Example: `  dnseal identity ca sign alice.csr --out alice.pem
  dnseal identity ca sign alice@example.org sensor7._device.example.org`,
		Args: cobra.MinimumNArgs(1),
	}
	dir := identityDir(cmd)
	cmd.Flags().IntVar(&opts.Days, "days", ca.DefaultDays, "`DAYS` of validity")
	cmd.Flags().StringVar(&out, "out", "", "write the certificates of a request to `FILE`; of several: to DIR/NAME.pem of an existing directory")
	cmd.Flags().StringVar(&name, "name", "", "`NAME` for a request that states none")
	cmd.Flags().StringVar(&domain, "ca", "", "`DOMAIN` of the CA (default: the nearest)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := daysGiven(cmd, opts.Days); err != nil {
			return err
		}
		s := caSigner{cmd: cmd, dir: *dir, out: out, name: name, domain: domain, opts: opts, several: len(args) > 1}
		for _, arg := range args {
			if err := s.sign(cmd.Context(), arg); err != nil {
				return err
			}
		}
		return nil
	}
	return cmd
}

// caSigner answers one request after the other.
type caSigner struct {
	cmd                    *cobra.Command
	dir, out, name, domain string
	opts                   ca.IssueOptions
	several                bool
}

func (s *caSigner) sign(ctx context.Context, arg string) error {
	info, err := os.Stat(arg)
	isFile := arg == "-" || err == nil && !info.IsDir()
	names, err := identity.List(s.dir)
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
		return cli.Hint(fmt.Errorf("there is no file %s, and no identity of this name in %s", arg, s.dir), "give the file of a certificate request, or a name of: dnseal identity show --identities %s", identity.Quote(s.dir))
	}
	return s.identity(ctx, canonical)
}

func (s *caSigner) identity(ctx context.Context, name string) error {
	if s.out != "" || s.name != "" {
		return fmt.Errorf("--out and --name are for requests, and %s is an identity", name)
	}
	a, err := ca.For(s.dir, s.domain, &ca.Request{Name: name})
	if err != nil {
		return err
	}
	id, err := a.SignIdentity(ctx, s.dir, name, s.opts)
	if err != nil {
		return err
	}
	cli.Print(s.cmd.ErrOrStderr(), "dnseal: certified %s until %s by the CA of %s: %s", id.Name, day(id.Certificate.NotAfter), a.Domain, id.CertFile)
	return nil
}

func (s *caSigner) request(ctx context.Context, file string) error {
	req, err := s.read(file)
	if err != nil {
		return err
	}
	a, err := ca.For(s.dir, s.domain, req)
	if err != nil {
		return of(file, err)
	}
	cert, err := a.Issue(ctx, req, s.opts)
	if err != nil {
		return of(file, err)
	}
	for _, left := range req.LeftOut {
		cli.Print(s.cmd.ErrOrStderr(), "dnseal: warning: %s asks for what is not certified: %s", file, left)
	}
	text := identity.EncodeCertificates(slices.Concat([]*x509.Certificate{cert}, a.Chain())...)
	if err = s.write(req.Name, string(text)); err != nil {
		return err
	}
	cli.Print(s.cmd.ErrOrStderr(), "dnseal: certified %s until %s by the CA of %s", req.Name, day(cert.NotAfter), a.Domain)
	return nil
}

// read reads a request, with the name that was given for it.
func (s *caSigner) read(file string) (*ca.Request, error) {
	in := s.cmd.InOrStdin()
	if file != "-" {
		f, err := os.Open(file)
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
	if err == nil && s.name != "" {
		err = req.SetName(s.name)
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
func (s *caSigner) write(name, text string) error {
	file := s.out
	if info, err := os.Stat(file); file != "" && err == nil && info.IsDir() {
		file = filepath.Join(file, identity.FolderName(name)+".pem")
	} else if file != "" && s.several {
		return cli.Hint(fmt.Errorf("--out %s is no directory, and there are several requests", file), "make it: mkdir %s", identity.Quote(file))
	}
	if file == "" {
		_, err := io.WriteString(s.cmd.OutOrStdout(), text)
		return err
	}
	return replaceFile(file, text, 0o644)
}
