"""Made-up people, with names of many scripts, and their days."""

import datetime
import random
import uuid

# Last names and first names that belong together.
PEOPLE = [
    ("Cudanin Dela-Cruz Reyes Santos Bautista Villanueva Macaraeg", "Arvin Jomar Maricel Liza Rodel Analyn Cherry"),
    ("Okafor Adeyemi Mwangi Otieno Ndlovu Mensah", "Chidi Ngozi Wanjiru Achieng Thandiwe Kwame"),
    ("García Núñez Fernández Ibáñez", "José María Lucía Íñigo"),
    ("Müller Groß Jäger Weiß", "Jürgen Käthe Sören Zoë"),
    ("Łukasiewicz Wójcik Šimůnek Dvořáková Nagyőr", "Zdzisław Małgorzata Jiří Ondřej Ödön"),
    ("O’Brien MacGowan D’Angelo van-der-Meer", "Siobhán Niamh Pádraig Bríd"),
    ("Nguyễn Trần Phạm Đặng", "Thị-Hương Đức Quỳnh Thảo"),
    ("Иванова Кузнецов Шевченко Ковальчук", "Ольга Дмитрий Тарас Наталія"),
    ("Παπαδόπουλος Νικολάου", "Γιώργος Ελένη"),
    ("الخطيب حسن العلي منصور", "منى يوسف فاطمة خالد"),
    ("כהן לוי", "נועה אבי"),
    ("शर्मा वर्मा पाटील", "अनन्या रोहन प्रिया"),
    ("சுப்பிரமணியம் முருகன்", "கவிதா அருண்"),
    ("ศรีสุข วงศ์ใหญ่", "สมชาย มาลี"),
    ("王 李 张 陳", "小明 丽华 伟 美玲"),
    ("佐藤 鈴木 渡辺", "花子 健太 翔"),
    ("김 이 박", "민준 서연 지훈"),
]
GATES = {"North": 5, "South": 3, "Loading bay": 1, "Visitors": 1}

# Names that pages must show whole, whatever they do to the layout.
HARD_NAMES = [
    ("منى", "الخطيب"),
    ("小明", "王"),
    ("अनन्या", "शर्मा"),
    ("🦊", "Fox 👩‍🚒"),
    ("W" * 100, "M" * 100),
]


class Crowd:
    """The people of a site: each has a name and a badge."""

    def __init__(self, size, seed=1):
        self.random = random.Random(seed)
        scripts = [(lasts.split(), firsts.split()) for lasts, firsts in PEOPLE]
        # Half of the names are of the first script.
        weights = [len(scripts)] + [1] * (len(scripts) - 1)
        self.people = []
        for number in range(size):
            lasts, firsts = self.random.choices(scripts, weights)[0]
            person = {"firstname": self.random.choice(firsts), "lastname": self.random.choice(lasts)}
            self.people.append(person | {"person_ref": f"B-{1001 + number}"})

    def day(self, start, arrive=8, leave=17, until=None):
        """The entries of a day that begins at `start`, by time: everybody comes in and goes out again, around these
        hours, up to the moment `until`."""
        entries = []
        for person in self.people:
            gate = self.random.choices(list(GATES), list(GATES.values()))[0]
            for direction, hour in (("in", arrive), ("out", leave)):
                seconds = min(max(self.random.gauss(hour * 3600, 2400), 0), 86_399)
                moment = start + datetime.timedelta(seconds=seconds)
                entries.append(person | {"gate": gate, "direction": direction, "occurred_at": moment.isoformat()})
        entries.sort(key=lambda entry: entry["occurred_at"])
        return [entry | {"entry_id": str(uuid.UUID(int=self.random.getrandbits(128), version=4))}
                for entry in entries
                if until is None or datetime.datetime.fromisoformat(entry["occurred_at"]) <= until]


def midnight(year, month, day):
    return datetime.datetime(year, month, day, tzinfo=datetime.UTC)
