/** Python's `strftime` in its C locale, as glibc has it, for the local time. */
export function strftime(format: string, date: Date): string {
  return format.replace(
    // In the C locale, the modifiers E and O change nothing.
    /%([-_0^#]?)(\d{0,3})(?:E(?=[cCxXyY])|O(?=[deHImMSuUVwWy]))?([A-Za-z%])/g,
    (whole, flag: string, width: string, directive: string) => {
      const part = partOf(directive, date);
      if (part === null) return whole;
      let { text } = part;
      if (flag === '^') text = text.toUpperCase();
      if (flag === '#') text = text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase();
      const pad = flag === '_' ? ' ' : flag === '0' ? '0' : part.pad;
      const least = width === '' ? part.width : Number(width);
      return flag === '-' ? text : text.padStart(least, pad);
    },
  );
}

interface Part {
  readonly text: string;
  readonly width: number;
  readonly pad: '0' | ' ';
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September'],
  ...['October', 'November', 'December'],
];

function partOf(directive: string, date: Date): Part | null {
  const words = (text: string): Part => ({ text, width: 0, pad: ' ' });
  const number = (value: number, width: number, pad: '0' | ' ' = '0'): Part => ({
    ...{ text: String(value), width, pad },
  });
  const day = DAYS[date.getDay()] ?? '';
  const month = MONTHS[date.getMonth()] ?? '';
  const hour12 = date.getHours() % 12 === 0 ? 12 : date.getHours() % 12;
  const dayOfYear = dayNumber(date) - dayNumber(new Date(date.getFullYear(), 0, 1)) + 1;
  const iso = isoWeek(date);
  switch (directive) {
    case 'a':
      return words(day.slice(0, 3));
    case 'A':
      return words(day);
    case 'b':
    case 'h':
      return words(month.slice(0, 3));
    case 'B':
      return words(month);
    case 'c':
      return words(strftime('%a %b %e %H:%M:%S %Y', date));
    case 'C':
      return number(Math.floor(date.getFullYear() / 100), 2);
    case 'd':
      return number(date.getDate(), 2);
    case 'D':
    case 'x':
      return words(strftime('%m/%d/%y', date));
    case 'e':
      return number(date.getDate(), 2, ' ');
    case 'f':
      return number(date.getMilliseconds() * 1000, 6);
    case 'F':
      return words(strftime('%Y-%m-%d', date));
    case 'g':
      return number(iso.year % 100, 2);
    case 'G':
      return number(iso.year, 4);
    case 'H':
      return number(date.getHours(), 2);
    case 'I':
      return number(hour12, 2);
    case 'j':
      return number(dayOfYear, 3);
    case 'k':
      return number(date.getHours(), 2, ' ');
    case 'l':
      return number(hour12, 2, ' ');
    case 'm':
      return number(date.getMonth() + 1, 2);
    case 'M':
      return number(date.getMinutes(), 2);
    case 'n':
      return words('\n');
    case 'p':
      return words(date.getHours() < 12 ? 'AM' : 'PM');
    case 'P':
      return words(date.getHours() < 12 ? 'am' : 'pm');
    case 'r':
      return words(strftime('%I:%M:%S %p', date));
    case 'R':
      return words(strftime('%H:%M', date));
    case 's':
      return number(Math.floor(date.getTime() / 1000), 0);
    case 'S':
      return number(date.getSeconds(), 2);
    case 't':
      return words('\t');
    case 'T':
    case 'X':
      return words(strftime('%H:%M:%S', date));
    case 'u':
      return number(date.getDay() === 0 ? 7 : date.getDay(), 1);
    case 'U':
      return number(Math.floor((dayOfYear + 6 - date.getDay()) / 7), 2);
    case 'V':
      return number(iso.week, 2);
    case 'w':
      return number(date.getDay(), 1);
    case 'W':
      return number(Math.floor((dayOfYear + 6 - ((date.getDay() + 6) % 7)) / 7), 2);
    case 'y':
      return number(date.getFullYear() % 100, 2);
    case 'Y':
      return number(date.getFullYear(), 1);
    case 'z':
    case 'Z':
      return words(''); // Python's `datetime.now()` knows no zone.
    case '%':
      return words('%');
    default:
      return null;
  }
}

/** Days since 1970 of a date in local time. */
const dayNumber = (date: Date) =>
  Math.floor(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000);

/** The week of ISO 8601: weeks start on Monday, and the first holds January 4. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  const thursday = dayNumber(date) - ((date.getDay() + 6) % 7) + 3;
  const year = new Date(thursday * 86_400_000).getUTCFullYear();
  const week = 1 + Math.floor((thursday - Date.UTC(year, 0, 1) / 86_400_000) / 7);
  return { year, week };
}
