import java.io.*;
import java.nio.file.*;
import java.security.*;
import java.security.cert.*;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.*;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.*;
import org.bouncycastle.cms.*;
import org.bouncycastle.cms.jcajce.*;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.operator.jcajce.*;
import org.bouncycastle.util.CollectionStore;

/**
 * Signs and verifies CMS, one job a line of standard input, fields separated by tabs; one line answers it.
 * sign ENTITY OUT attached|detached certs|bare (ALGORITHM KEY CERTIFICATE)...
 * verify IN ENTITY|- CERTIFICATE...
 */
public class BouncyCastle {
    public static void main(String[] args) throws IOException {
        Security.addProvider(new BouncyCastleProvider());
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String answer = "ok";
            try {
                String[] job = line.split("\t");
                if (job[0].equals("sign")) sign(job); else verify(job);
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

    static void sign(String[] job) throws Exception {
        CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
        for (int i = 5; i < job.length; i += 3) {
            PrivateKey key = new JcaPEMKeyConverter().setProvider("BC").getPrivateKey((PrivateKeyInfo) pem(job[i + 1]));
            X509CertificateHolder cert = (X509CertificateHolder) pem(job[i + 2]);
            var signer = new JcaContentSignerBuilder(job[i]).setProvider("BC").build(key);
            var builder = new SignerInfoGeneratorBuilder(new JcaDigestCalculatorProviderBuilder().setProvider("BC").build());
            if (job[4].equals("bare")) {
                byte[] id = new JcaX509ExtensionUtils().createSubjectKeyIdentifier(cert.getSubjectPublicKeyInfo()).getKeyIdentifier();
                generator.addSignerInfoGenerator(builder.build(signer, id));
            } else {
                generator.addSignerInfoGenerator(builder.build(signer, cert));
                generator.addCertificate(cert);
            }
        }
        byte[] entity = Files.readAllBytes(Path.of(job[1]));
        CMSSignedData signed = generator.generate(new CMSProcessableByteArray(entity), job[3].equals("attached"));
        Files.write(Path.of(job[2]), signed.getEncoded());
    }

    @SuppressWarnings("unchecked")
    static void verify(String[] job) throws Exception {
        byte[] der = Files.readAllBytes(Path.of(job[1]));
        CMSSignedData signed = job[2].equals("-") ? new CMSSignedData(der)
            : new CMSSignedData(new CMSProcessableByteArray(Files.readAllBytes(Path.of(job[2]))), der);
        List<X509CertificateHolder> certs = new ArrayList<>(signed.getCertificates().getMatches(null));
        for (int i = 3; i < job.length; i++) certs.add((X509CertificateHolder) pem(job[i]));
        var store = new CollectionStore<X509CertificateHolder>(certs);
        var signers = signed.getSignerInfos().getSigners();
        if (signers.size() != job.length - 3) throw new CMSException(signers.size() + " signers");
        for (SignerInformation signer : signers) {
            var cert = (X509CertificateHolder) store.getMatches(signer.getSID()).iterator().next();
            if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(cert))) throw new CMSException("bad signature");
        }
    }
}
