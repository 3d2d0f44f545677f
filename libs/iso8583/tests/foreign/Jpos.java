// Speaks a dialect through jPOS, a codec written by others.
//
// Arguments: the dialect file. Each line of standard input is `D HEX`, a message to decode, or
// `E MTI NUMBER=HEX ...`, one to encode; the value of a data element is the hex of its characters
// or bytes. The answer is a line: `MTI NUMBER=HEX ...`, or HEX, or `! why not`.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jpos.iso.*;

public final class Jpos {
    private static final Map<String, String> HEAD = new HashMap<>();
    private static final Map<Integer, String> FORMS = new HashMap<>();
    private static final int ELEMENTS = 193;

    public static void main(String[] arguments) throws Exception {
        ISOPackager packager = packager(Path.of(arguments[0]));
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] words = line.trim().split(" ");
            String answer;
            try {
                answer = words[0].equals("D") ? decode(packager, words) : encode(packager, words);
            } catch (Exception error) { // Whatever it is, the test shows it.
                answer = "! " + error.toString().replace('\n', ' ');
            }
            System.out.println(answer);
            System.out.flush();
        }
    }

    private static String decode(ISOPackager packager, String[] words) throws ISOException {
        var message = new ISOMsg();
        message.setPackager(packager);
        byte[] body = ISOUtil.hex2byte(words[1]);
        int read = message.unpack(body);
        if (read != body.length) {
            throw new ISOException(read + " of " + body.length + " bytes were read");
        }
        var answer = new StringBuilder(message.getMTI());
        for (int number = 2; number < ELEMENTS; number++) {
            if (FORMS.containsKey(number) && message.hasField(number)) {
                byte[] value = isBinary(number)
                    ? message.getBytes(number)
                    : message.getString(number).getBytes(StandardCharsets.ISO_8859_1);
                answer.append(' ').append(number).append('=').append(ISOUtil.hexString(value));
            }
        }
        return answer.toString();
    }

    private static String encode(ISOPackager packager, String[] words) throws ISOException {
        var message = new ISOMsg();
        message.setPackager(packager);
        message.setMTI(words[1]);
        for (int index = 2; index < words.length; index++) {
            int sign = words[index].indexOf('=');
            int number = Integer.parseInt(words[index].substring(0, sign));
            byte[] value = ISOUtil.hex2byte(words[index].substring(sign + 1));
            if (isBinary(number)) {
                message.set(number, value);
            } else {
                message.set(number, new String(value, StandardCharsets.ISO_8859_1));
            }
        }
        return ISOUtil.hexString(message.pack());
    }

    private static boolean isBinary(int number) {
        return FORMS.get(number).equals("binary") || FORMS.get(number).equals("hex");
    }

    private static ISOPackager packager(Path path) throws Exception {
        var fields = new ISOFieldPackager[ELEMENTS];
        var rows = new HashMap<Integer, String[]>();
        for (String line : Files.readAllLines(path)) {
            String[] columns = line.replaceFirst("#.*", "").trim().split("[ \t]+");
            if (Character.isDigit((columns[0] + " ").charAt(0))) {
                rows.put(Integer.parseInt(columns[0]), columns);
            } else {
                HEAD.put(columns[0], line.replaceFirst("#.*", "").trim().substring(columns[0].length()).trim());
            }
        }
        for (var row : rows.entrySet()) {
            String[] columns = row.getValue();
            FORMS.put(row.getKey(), columns[3]);
            fields[row.getKey()] = field(columns[1], Integer.parseInt(columns[2]), columns[3]);
        }
        String numerals = HEAD.get("numerals");
        fields[0] = field("FIXED", 4, numerals.equals("packed") ? "packed" : "digits");
        boolean hasThird = HEAD.get("bitmap").contains("up to 192");
        fields[1] = bitmap(numerals, hasThird ? 24 : 16);
        var packager = new Packager();
        packager.setFieldPackager(fields);
        return packager;
    }

    private static ISOFieldPackager bitmap(String numerals, int size) {
        if (HEAD.get("bitmap").startsWith("binary")) {
            return new IFB_BITMAP(size, "bitmap");
        }
        return numerals.startsWith("ebcdic") ? new IFE_BITMAP(size, "bitmap") : new IFA_BITMAP(size, "bitmap");
    }

    private static ISOFieldPackager field(String length, int max, String form) {
        String numerals = HEAD.get("numerals");
        boolean isEbcdic = numerals.equals("ebcdic");
        Prefixer prefixer = NullPrefixer.INSTANCE;
        if (length.equals("LL")) {
            prefixer = numerals.equals("packed") ? BcdPrefixer.LL : isEbcdic ? EbcdicPrefixer.LL : AsciiPrefixer.LL;
        } else if (length.equals("LLL")) {
            prefixer = numerals.equals("packed") ? BcdPrefixer.LLL : isEbcdic ? EbcdicPrefixer.LLL : AsciiPrefixer.LLL;
        }
        Interpreter text = isEbcdic ? EbcdicInterpreter.INSTANCE : AsciiInterpreter.INSTANCE;
        switch (form) {
            case "packed":
            case "packed-track":
                return new ISOStringFieldPackager(max, form, NullPadder.INSTANCE, BCDInterpreter.RIGHT_PADDED, prefixer);
            case "packed-right":
                return new ISOStringFieldPackager(max, form, NullPadder.INSTANCE, BCDInterpreter.LEFT_PADDED, prefixer);
            case "binary":
                return new Bytes(max, form, LiteralBinaryInterpreter.INSTANCE, prefixer);
            case "hex":
                return new Bytes(max, form, isEbcdic ? EbcdicHexInterpreter.INSTANCE : AsciiHexInterpreter.INSTANCE, prefixer);
            default:
                return new ISOStringFieldPackager(max, form, NullPadder.INSTANCE, text, prefixer);
        }
    }

    /** Has no elements but those that it is given. */
    private static final class Packager extends ISOBasePackager {
    }

    private static final class Bytes extends ISOBinaryFieldPackager {
        Bytes(int max, String form, BinaryInterpreter interpreter, Prefixer prefixer) {
            super(max, form, interpreter, prefixer);
        }
    }
}
