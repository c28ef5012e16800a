import com.nimbusds.jose.jwk.JWK;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.oauth2.client.endpoint.*;

@Configuration
class ClientKey {
  @Bean
  RestClientAuthorizationCodeTokenResponseClient tokens() throws Exception {
    var pem = Files.readString(Path.of(System.getenv("CLIENT_KEY")));
    var key = JWK.parseFromPEMEncodedObjects(pem); // the private key and the public one
    var authentication = new NimbusJwtClientAuthenticationParametersConverter<OAuth2AuthorizationCodeGrantRequest>(registration -> key);
    authentication.setJwtClientAssertionCustomizer(context -> context.getClaims().audience(List.of({{quote .Issuer}})));
    var client = new RestClientAuthorizationCodeTokenResponseClient();
    client.addParametersConverter(authentication);
    return client;
  }
}
