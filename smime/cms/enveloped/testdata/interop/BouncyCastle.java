import java.io.*;
import java.nio.file.*;
import java.security.*;
import org.bouncycastle.asn1.*;
import org.bouncycastle.asn1.pkcs.*;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.*;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.operator.OutputAEADEncryptor;

/**
 * Encrypts and decrypts CMS, one job a line of standard input, fields separated by tabs; one line
 * answers it.
 * encrypt CONTENT OUT CIPHER rsa|oaep|ecdh|skid CERTIFICATE SENDERKEY SENDERCERTIFICATE
 * decrypt IN OUT KEY
 */
public class BouncyCastle {
    public static void main(String[] args) throws IOException {
        Security.addProvider(new BouncyCastleProvider());
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String answer = "ok";
            try {
                String[] job = line.split("\t");
                if (job[0].equals("encrypt")) encrypt(job); else decrypt(job);
            } catch (Throwable e) {
                answer = "error: " + e.toString().replace('\n', ' ');
            }
            System.out.println(answer);
            System.out.flush();
        }
    }

    static Object pem(String file) throws IOException {
        try (PEMParser parser = new PEMParser(new FileReader(file))) {
            return parser.readObject();
        }
    }

    static PrivateKey key(String file) throws Exception {
        return new JcaPEMKeyConverter().setProvider("BC").getPrivateKey((PrivateKeyInfo) pem(file));
    }

    static ASN1ObjectIdentifier cipher(String name) {
        switch (name) {
            case "aes-128-cbc": return NISTObjectIdentifiers.id_aes128_CBC;
            case "aes-256-cbc": return NISTObjectIdentifiers.id_aes256_CBC;
            case "aes-128-gcm": return NISTObjectIdentifiers.id_aes128_GCM;
            default: return NISTObjectIdentifiers.id_aes256_GCM;
        }
    }

    static RecipientInfoGenerator recipient(String[] job) throws Exception {
        var cert = new JcaX509CertificateConverter().setProvider("BC").getCertificate((X509CertificateHolder) pem(job[5]));
        switch (job[4]) {
            case "rsa": return new JceKeyTransRecipientInfoGenerator(cert).setProvider("BC");
            case "skid": return new JceKeyTransRecipientInfoGenerator(
                new JcaX509ExtensionUtils().createSubjectKeyIdentifier(cert.getPublicKey()).getKeyIdentifier(), cert.getPublicKey()).setProvider("BC");
            case "oaep":
                var hash = new AlgorithmIdentifier(NISTObjectIdentifiers.id_sha256, DERNull.INSTANCE);
                var params = new RSAESOAEPparams(hash, new AlgorithmIdentifier(PKCSObjectIdentifiers.id_mgf1, hash), RSAESOAEPparams.DEFAULT_P_SOURCE_ALGORITHM);
                return new JceKeyTransRecipientInfoGenerator(cert, new AlgorithmIdentifier(PKCSObjectIdentifiers.id_RSAES_OAEP, params)).setProvider("BC");
        }
        KeyPairGenerator pairs = KeyPairGenerator.getInstance("EC", "BC");
        pairs.initialize(((java.security.interfaces.ECPublicKey) cert.getPublicKey()).getParams());
        KeyPair own = pairs.generateKeyPair();
        var generator = new JceKeyAgreeRecipientInfoGenerator(CMSAlgorithm.ECDH_SHA256KDF, own.getPrivate(), own.getPublic(), CMSAlgorithm.AES128_WRAP).setProvider("BC");
        return generator.addRecipient(cert);
    }

    static void encrypt(String[] job) throws Exception {
        var content = new CMSProcessableByteArray(Files.readAllBytes(Path.of(job[1])));
        var encryptor = new JceCMSContentEncryptorBuilder(cipher(job[3])).setProvider("BC").build();
        byte[] out;
        if (job[3].endsWith("gcm")) {
            var generator = new CMSAuthEnvelopedDataGenerator();
            generator.addRecipientInfoGenerator(recipient(job));
            out = generator.generate(content, (OutputAEADEncryptor) encryptor).getEncoded();
        } else {
            var generator = new CMSEnvelopedDataGenerator();
            generator.addRecipientInfoGenerator(recipient(job));
            out = generator.generate(content, encryptor).getEncoded();
        }
        Files.write(Path.of(job[2]), out);
    }

    static void decrypt(String[] job) throws Exception {
        byte[] in = Files.readAllBytes(Path.of(job[1]));
        boolean authenticated = org.bouncycastle.asn1.cms.ContentInfo.getInstance(in).getContentType().equals(org.bouncycastle.asn1.cms.CMSObjectIdentifiers.authEnvelopedData);
        RecipientInformationStore store = authenticated ? new CMSAuthEnvelopedData(in).getRecipientInfos() : new CMSEnvelopedData(in).getRecipientInfos();
        RecipientInformation info = store.getRecipients().iterator().next();
        PrivateKey key = key(job[3]);
        Recipient recipient = info instanceof KeyTransRecipientInformation
            ? (authenticated ? new JceKeyTransAuthEnvelopedRecipient(key).setProvider("BC") : new JceKeyTransEnvelopedRecipient(key).setProvider("BC"))
            : new JceKeyAgreeEnvelopedRecipient(key).setProvider("BC");
        Files.write(Path.of(job[2]), info.getContent(recipient));
    }
}
