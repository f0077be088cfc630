// Command dnseal signs mail with keys bound to names in the DNS, and verifies
// such signatures by nothing but the DNS.
//
// One file is one command; this one is wiring: the command tree, how errors are
// reported and what the exit status means. usage.go makes the usage text of all
// commands. "dnseal help" has the manual.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"dnseal/cmd/internal/cli"
	"dnseal/sender/identity/pkcs11"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(int(run()))
}

// run is main without the exit, so that script tests can call it.
func run() cli.Exit {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A write that fails lets files be completed or removed.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	cmd := newRoot()
	cmd.SetIn(input(ctx))
	if err := cmd.ExecuteContext(ctx); err != nil {
		return report(cmd.ErrOrStderr(), err)
	}
	return cli.ExitOK
}

// lazy calls start before its first Read.
type lazy struct {
	io.Reader
	start func()
}

func (l lazy) Read(p []byte) (int, error) {
	l.start()
	return l.Reader.Read(p)
}

// input is standard input until ctx ends: then a Read that still waits fails with the error of ctx.
// Nothing is read before the first Read.
func input(ctx context.Context) io.Reader {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })
	return lazy{r, sync.OnceFunc(func() {
		go func() {
			_, err := io.Copy(w, os.Stdin)
			w.CloseWithError(err)
		}()
	})}
}

// newRoot returns the command tree.
func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "dnseal COMMAND",
		Short: "Sign mail with DNS-bound keys, verify it by nothing but the DNS",
		Long: `dnseal signs messages (S/MIME) with keys that their owner has bound to a name in
the DNS, and verifies such signatures end to end: the signer's SMIMEA or TLSA
records are fetched and validated by DNSSEC from the root. No certificate
authority is needed.

Exit status: 0 done, or every message is "pass"; 1 some message is neither
"pass" nor "temperror", or what the help of a command says; 2 wrong usage or
configuration, an argument that cannot be read, or output that cannot be
written; 3 undecided ("temperror") and nothing worse, or interrupted; 141 the
reader of the output ended early (128 and SIGPIPE).`,
		Example: `  dnseal demo
  dnseal identity new alice@example.org --identities keys
  dnseal sign --identities keys mail.eml | dnseal verify`,
		Version:       cli.Version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(
		newDemo(), newIdentity(), newSign(), newVerify(), newEncrypt(), newDecrypt(), newView(), newExplain(), newLookup(), newZone(), newSandbox(),
		newRelay(), newMilter(), newCheck(), newMan(root),
	)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\nwith " + parts() + "\n")
	setUsage(root)
	return root
}

// parts are the optional ones of the program.
func parts() string {
	if pkcs11.Built {
		return "TPM 2.0, PKCS #11"
	}
	return "TPM 2.0; without PKCS #11 (for it: make build TAGS=pkcs11, with cgo)"
}
