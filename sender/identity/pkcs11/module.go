//go:build cgo && pkcs11

package pkcs11

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/miekg/pkcs11"
)

// Built says whether this program has PKCS #11.
const Built = true

// EnvModule names the environment variable with the module of URIs that name none.
const EnvModule = "DNSEAL_PKCS11_MODULE"

// cryptoki is what is used of a module.
type cryptoki interface {
	Initialize(opts ...pkcs11.InitializeOption) error
	Finalize() error
	GetInfo() (pkcs11.Info, error)
	GetSlotList(tokenPresent bool) ([]uint, error)
	GetSlotInfo(slot uint) (pkcs11.SlotInfo, error)
	GetTokenInfo(slot uint) (pkcs11.TokenInfo, error)
	OpenSession(slot, flags uint) (pkcs11.SessionHandle, error)
	GetSessionInfo(sh pkcs11.SessionHandle) (pkcs11.SessionInfo, error)
	CloseSession(sh pkcs11.SessionHandle) error
	Login(sh pkcs11.SessionHandle, userType uint, pin string) error
	Logout(sh pkcs11.SessionHandle) error
	FindObjectsInit(sh pkcs11.SessionHandle, temp []*pkcs11.Attribute) error
	FindObjects(sh pkcs11.SessionHandle, limit int) ([]pkcs11.ObjectHandle, bool, error)
	FindObjectsFinal(sh pkcs11.SessionHandle) error
	GetAttributeValue(sh pkcs11.SessionHandle, o pkcs11.ObjectHandle, a []*pkcs11.Attribute) ([]*pkcs11.Attribute, error)
	GenerateKeyPair(sh pkcs11.SessionHandle, m []*pkcs11.Mechanism, public, private []*pkcs11.Attribute) (pkcs11.ObjectHandle, pkcs11.ObjectHandle, error)
	SignInit(sh pkcs11.SessionHandle, m []*pkcs11.Mechanism, o pkcs11.ObjectHandle) error
	Sign(sh pkcs11.SessionHandle, message []byte) ([]byte, error)
}

// module is a PKCS #11 module, loaded and initialised once in a process. What is held while it is
// called is taken in this order: token.permits, alone, token.turn, turn, use.
type module struct {
	path string
	// alone is for a module that cannot be called by several threads; else nil.
	alone *gate
	// turn is held while the module is loaded and its tokens are looked for.
	turn   *gate
	calls  cryptoki // nil: not loaded yet
	tokens map[tokenID]*token
	ended  bool
	// foreign says that another part of the process has initialised it.
	foreign bool
	started time.Time // when it was initialised last
	// use is held for reading by what calls with a session, and for writing by restart.
	use sync.RWMutex
}

// modules are those of this process, by path.
var modules struct {
	sync.Mutex
	byPath map[string]*module
}

// moduleAt returns the module of a file, which need not be loaded yet.
func moduleAt(path string) *module {
	modules.Lock()
	defer modules.Unlock()
	m := modules.byPath[path]
	if m == nil {
		m = &module{path: path, turn: newGate(1), tokens: map[tokenID]*token{}}
		if modules.byPath == nil {
			modules.byPath = map[string]*module{}
		}
		modules.byPath[path] = m
	}
	return m
}

// ready loads the module where it is not loaded yet.
func (m *module) ready(ctx context.Context) error {
	leave, err := m.turn.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return m.load()
}

// enterAlone lets one call into a module at a time that wants that. The module is loaded.
func (m *module) enterAlone(ctx context.Context) (leave func(), err error) {
	if m.alone == nil {
		return func() {}, nil
	}
	return m.alone.enter(ctx)
}

// load loads and initialises the module; turn is held.
func (m *module) load() error {
	switch {
	case m.ended:
		return m.errClosed()
	case m.calls != nil:
		return nil
	}
	info, err := os.Stat(m.path)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err != nil {
		return withHint(fmt.Errorf("pkcs11: the module %s: %w", m.path, err),
			"name the token's library with module-path=FILE in the URI; p11-kit list-modules shows those installed")
	}
	// A nil *pkcs11.Ctx is what New returns for each error.
	ctx := pkcs11.New(m.path)
	if ctx == nil {
		return withHint(fmt.Errorf("pkcs11: the module %s cannot be loaded: it is no PKCS #11 library for this machine, or another library is missing", m.path),
			"see what is missing with: ldd %s", m.path)
	}
	if err := m.initialize(ctx); err != nil {
		return err
	}
	m.calls = ctx
	return nil
}

func (m *module) errClosed() error { return fmt.Errorf("pkcs11: the module %s: %w", m.path, ErrClosed) }

// initialize tells the module that several threads call it; turn is held.
func (m *module) initialize(c cryptoki) error {
	m.started = time.Now()
	err := c.Initialize()
	if is(err, pkcs11.CKR_CANT_LOCK) {
		if m.alone == nil {
			m.alone = newGate(1)
		}
		err = c.Initialize(pkcs11.InitializeWithFlags(0))
	}
	m.foreign = is(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)
	if err != nil && !m.foreign {
		return fmt.Errorf("pkcs11: the module %s cannot be initialised: %w", m.path, plain(err))
	}
	return nil
}

// moduleFolders are where modules are registered or installed.
var moduleFolders = []string{
	"/usr/lib/pkcs11", "/usr/lib64/pkcs11", "/usr/lib/*/pkcs11", "/usr/lib/softhsm", "/usr/lib/*/softhsm",
	"/usr/local/lib/pkcs11", "/usr/local/lib/softhsm", "/usr/lib/*", "/usr/lib64", "/usr/lib", "/usr/local/lib",
	"/opt/homebrew/lib/pkcs11", "/opt/homebrew/lib",
}

// modulePath finds the module of a URI: RFC 7512, Section 2.3.
func (u URI) modulePath() (string, error) {
	path, name := u.attrs[attrModulePath], u.attrs[attrModuleName]
	if path != "" && !filepath.IsAbs(path) {
		return "", withHint(errors.New("pkcs11: a URI whose module-path is not absolute"), "write the whole path of the library")
	}
	if info, err := os.Stat(path); path != "" && (err != nil || !info.IsDir()) {
		return path, nil // errors are told by load
	}
	folders := moduleFolders
	if path != "" {
		folders = []string{path}
	}
	if name == "" && path == "" {
		if env := os.Getenv(EnvModule); env != "" {
			return env, nil
		}
		name = "p11-kit-proxy"
	}
	if found := findModule(folders, name); found != "" {
		return found, nil
	}
	return "", withHint(fmt.Errorf("pkcs11: there is no module for %s", u), "name the token's library with ?module-path=FILE in the URI, or in %s", EnvModule)
}

// findModule looks for NAME, NAME.so and libNAME.so.
func findModule(folders []string, name string) string {
	if name == "" || name != filepath.Base(name) {
		return ""
	}
	for _, folder := range folders {
		for _, file := range []string{name + ".so", "lib" + name + ".so", name, name + ".dylib", "lib" + name + ".dylib", name + ".dll"} {
			found, err := filepath.Glob(filepath.Join(folder, file))
			if err == nil && len(found) > 0 {
				return found[0]
			}
		}
	}
	return ""
}

// Close waits until no call into a module runs, closes all sessions and finalises the modules: keys
// that Open returned return ErrClosed. Error: what ctx returned where a call does not end before
// it, or a module.
func Close(ctx context.Context) error {
	modules.Lock()
	all := modules.byPath
	modules.byPath = nil
	modules.Unlock()
	var errs []error
	for _, m := range all {
		errs = append(errs, m.close(ctx))
	}
	return errors.Join(errs...)
}

func (m *module) close(ctx context.Context) error {
	tokens, err := m.end(ctx)
	for _, t := range tokens {
		if err == nil {
			err = t.close(ctx)
		}
	}
	if err == nil {
		err = m.finalize(ctx)
	}
	if err != nil {
		return fmt.Errorf("pkcs11: closing %s: %w", m.path, err)
	}
	return nil
}

// end returns the tokens, of which there are no new ones after it.
func (m *module) end(ctx context.Context) ([]*token, error) {
	leave, err := m.turn.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	m.ended = true
	return slices.Collect(maps.Values(m.tokens)), nil
}

// finalize is for a module whose tokens are closed. What waits for its turn sees that it has ended.
func (m *module) finalize(ctx context.Context) error {
	leave, err := m.turn.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if m.calls == nil {
		return nil
	}
	err = plain(m.calls.Finalize())
	m.calls = nil
	return err
}
