# Signs and verifies S/MIME messages with Ruby's openssl.
# sign ENTITY OUT attached|detached KEY CERTIFICATE
# verify MESSAGE ANCHOR
require 'openssl'

job, input, *rest = ARGV
text = File.binread(input)
if job == 'sign'
  out, form, key, cert = rest
  flags = OpenSSL::PKCS7::BINARY
  flags |= OpenSSL::PKCS7::DETACHED if form == 'detached'
  key = OpenSSL::PKey.read(File.read(key))
  cert = OpenSSL::X509::Certificate.new(File.read(cert))
  signed = OpenSSL::PKCS7.sign(cert, key, text, [], flags)
  File.binwrite(out, OpenSSL::PKCS7.write_smime(signed, text, flags))
else
  store = OpenSSL::X509::Store.new
  store.add_file(rest[0])
  signed = OpenSSL::PKCS7.read_smime(text)
  abort "refused: #{signed.error_string}" unless signed.verify([], store)
end
