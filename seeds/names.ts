import type { Gender } from '../src/modules/archives/words.ts'
import { at, type Random } from './random.ts'

/** Invented names. The two-sign words are put together from signs that firms seldom use, so that no known house is meant. */

const surnames: Record<string, number> = {
  王: 72, 李: 70, 张: 68, 刘: 54, 陈: 32, 杨: 31, 赵: 30, 孙: 26, 马: 20, 徐: 18, 朱: 16, 高: 16, 郭: 15, 韩: 14, 于: 14, 宋: 13,
  周: 13, 吴: 13, 孟: 10, 孔: 9, 曹: 9, 许: 9, 邓: 4, 冯: 7, 董: 8, 程: 6, 蔡: 4, 袁: 5, 田: 7, 任: 6, 姜: 7, 崔: 7, 谭: 4, 丁: 6,
  潘: 4, 杜: 6, 尹: 5, 曲: 4, 侯: 4, 邵: 4, 秦: 5, 石: 4, 魏: 6, 薛: 3, 贾: 5, 夏: 3, 付: 4, 邹: 3, 段: 2, 毕: 3, 亓: 3, 卞: 1,
  单: 1, 曾: 2, 庞: 2, 娄: 2, 逄: 1, 房: 3, 展: 1, 鹿: 1, 欧阳: 1, 司马: 1,
} // biome-ignore format: a table of shares
const surnameList = Object.keys(surnames)

const given = {
  male: {
    old: [
      '建国',
      '建军',
      '志强',
      '卫东',
      '国庆',
      '庆林',
      '德海',
      '宝泉',
      '玉山',
      '兴华',
      '永福',
      '长河',
      '传喜',
      '维民',
      '延平',
      '继业',
    ],
    first: [...'志建国文明俊海晓永立光成振东少春绍景学宏'],
    second: [...'强军伟涛波磊鹏超勇刚辉峰华斌亮飞龙宁晨岩'],
    young: ['浩然', '子轩', '宇航', '俊杰', '一鸣', '天佑', '博文', '泽宇', '嘉诚', '思远', '昊天', '睿哲'],
    single: [...'伟磊强军涛超勇杰鹏波帅凯'],
  },
  female: {
    old: [
      '桂英',
      '秀兰',
      '玉珍',
      '淑芬',
      '凤霞',
      '翠花',
      '秀云',
      '桂芝',
      '爱华',
      '美荣',
      '素梅',
      '玉兰',
      '春玲',
      '兰香',
      '传芳',
      '庆云',
    ],
    first: [...'丽秀玉春雪晓淑红艳海文静佳慧桂彩云凤瑞亚'],
    second: [...'英芳娟敏霞红梅玲萍燕琴华丽娜洁颖琳莉荣菊'],
    young: ['子涵', '雨桐', '梦瑶', '欣怡', '诗涵', '思雨', '佳琪', '若曦', '语嫣', '可欣', '婉清', '一诺'],
    single: [...'敏静丽燕艳芳娜婷霞娟颖倩'],
  },
}

/** A person's name that fits the year of birth. */
export function personName(random: Random, gender: Gender, year: number): string {
  const names = given[gender]
  const surname = random.weigh(surnameList, name => surnames[name] ?? 0)
  const generation = year < 1962 ? 'old' : year > 1994 ? 'young' : undefined
  if (generation && random.happens(0.6)) return surname + random.pick(names[generation])
  if (random.happens(0.22)) return surname + random.pick(names.single)
  return surname + random.pick(names.first) + random.pick(names.second)
}

const firstSigns = [
  ...'栖汀槿岫苇砚沐筱疏牧荻蘅霁昀煦翊沅洺洛渚湄溯漪濯灵烁焕璟琅琢瑜瑾甄畅皓盈睦知祈秋稷穆竹筠简素纫纾绮绾缃翎聆臻芷若茗荃菀葳蓁蔚薇薰蕴虔衡觅言谙谧豫贻轩逸遥酌',
]
const secondSigns = [
  ...'禾棠岚麓屿榆桐澜柠枫栎桦梧槐樾橡汐沚泠泽洲涧淇清渡源漫潭澍澈野陌原川峦岑峤嵘巷庭院轩榭筑堂阁台亭里邻舍居宁和安恬悦颂韵序章笺帆舟航远朗晗晞景曦霖',
]

const words = firstSigns.length * secondSigns.length

/** The `n`-th word of two signs; the first few thousand differ. `turn` gives firms, houses and roads different words. */
export function wordOf(n: number, turn: number): string {
  // 2671 is prime and divides nothing here, so every word comes once before any comes twice.
  const index = (n * 2671 + turn * 1499) % words
  return at(firstSigns, index % firstSigns.length) + at(secondSigns, Math.floor(index / firstSigns.length))
}

/** How often all words have been used up before the `n`-th. */
export function roundOf(n: number): number {
  return Math.floor(n / words)
}

/** A road that is on no map. */
export function roadName(random: Random): string {
  return wordOf(random.int(0, 300), 3) + random.pick(['路', '路', '路', '街', '大街', '东路', '西路', '南路', '北路', '巷'])
}
