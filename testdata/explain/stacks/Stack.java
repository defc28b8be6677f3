// Writes bodies as apps on Java do, see node.js. Run with Jackson and Gson in
// the class path: java -cp '/usr/share/java/*' Stack.java
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;

public class Stack {
  static String write(String job, String body) throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    switch (job) {
      case "jackson":
        return mapper.writeValueAsString(mapper.readTree(body));
      case "jackson-map":
        return mapper.writeValueAsString(mapper.readValue(body, Map.class));
      case "jackson-pretty":
        return mapper.writerWithDefaultPrettyPrinter().writeValueAsString(mapper.readTree(body));
      case "jackson-ascii":
        return JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build().writeValueAsString(mapper.readTree(body));
      case "gson":
        return new Gson().toJson(JsonParser.parseString(body));
      case "gson-pretty":
        return new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(JsonParser.parseString(body));
      default:
        throw new IllegalArgumentException(job);
    }
  }

  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    ObjectMapper mapper = new ObjectMapper();
    for (String line; (line = in.readLine()) != null; ) {
      Map<?, ?> r = mapper.readValue(line, Map.class);
      String body = new String(Base64.getDecoder().decode((String) r.get("body")), StandardCharsets.UTF_8);
      System.out.println(Base64.getEncoder().encodeToString(write((String) r.get("job"), body).getBytes(StandardCharsets.UTF_8)));
    }
  }
}
